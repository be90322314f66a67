"""How are the accounts of one login asked about side by side, a few at once?"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
AT_ONCE = 4


async def ask_each(account_ids: Sequence[str], ask: Callable[[str], Awaitable[T]]) -> list[T]:
    """Return the answers in the order of the accounts; the first failure ends all questions and is raised alone."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(account_id: str) -> T:
        async with gate:
            return await ask(account_id)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(account_id)) for account_id in account_ids]
    except ExceptionGroup as errors:
        raise _first_of(errors) from None
    return [task.result() for task in tasks]


def _first_of(errors: ExceptionGroup[Exception]) -> Exception:
    # A question is no group of its own, so none lies within.
    return errors.exceptions[0]
