"""Can blocking code use asynchronous calls, from any thread, and end cleanly?"""

import asyncio
import threading

import pytest

from bursar.transport.portal import LoopThread


@pytest.fixture
def portal():
    loop = LoopThread("portal-test")
    yield loop
    loop.close()


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_value_and_error_come_back(portal) -> None:
    async def fail() -> None:
        raise ValueError("as it was")

    assert portal.run(double(21)) == 42
    with pytest.raises(ValueError, match="as it was"):
        portal.run(fail())


def test_all_calls_run_on_one_loop(portal) -> None:
    async def where() -> tuple[int, str]:
        return id(asyncio.get_running_loop()), threading.current_thread().name

    assert len({portal.run(where()) for _ in range(3)}) == 1
    assert portal.run(where())[1] == "portal-test"


def test_iterator_is_drawn_as_it_is_taken_and_closed_when_left(portal) -> None:
    drawn: list[object] = []

    async def numbers():
        try:
            for number in range(5):
                drawn.append(number)
                yield number
        finally:
            drawn.append("closed")

    assert list(portal.iterate(numbers())) == [0, 1, 2, 3, 4]
    drawn.clear()
    listing = portal.iterate(numbers())
    assert next(listing) == 0
    assert drawn == [0]
    listing.close()
    assert drawn == [0, "closed"]


def test_nothing_starts_before_the_first_call_and_nothing_after_the_end() -> None:
    before = threading.active_count()
    portal = LoopThread()
    assert threading.active_count() == before
    portal.run(double(1))
    portal.close()
    portal.close()
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="closed"):
        portal.run(double(1))


def test_unfinished_tasks_are_cancelled_at_the_end(portal) -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def start() -> None:
        portal.task = asyncio.create_task(wait())
        await asyncio.sleep(0)

    portal.run(start())
    portal.close()
    assert ended == ["cancelled"]


async def test_it_works_while_another_loop_runs(portal) -> None:
    assert await asyncio.to_thread(portal.run, double(2)) == 4
    assert portal.run(double(3)) == 6


def test_call_from_its_own_thread_is_refused_instead_of_waiting_for_ever(portal) -> None:
    async def nested() -> int:
        return portal.run(double(1))

    with pytest.raises(RuntimeError, match="own thread"):
        portal.run(nested())
    assert portal.run(double(1)) == 2
