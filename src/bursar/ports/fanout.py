"""How are several accounts or connections asked about side by side, without overrunning who answers?"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")
AT_ONCE = 4
"""How many questions are under way at the same time: providers count calls per login."""


async def ask_each(keys: Iterable[K], ask: Callable[[K], Awaitable[T]]) -> list[T]:
    """Return the answers in the order of the keys; the first failure ends all questions and is raised as it is."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(key: K) -> T:
        async with gate:
            return await ask(key)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(key)) for key in keys]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
