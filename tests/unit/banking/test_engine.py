"""Two faces and any number of loops over one adapter, and no thread that outlives its use."""

import asyncio
import gc
import threading
import time

import pytest

from bursar.banking.engine import Engine
from bursar.banking.exceptions import SyncCallInLoopError


class Adapter:
    """Notes which loop it is called in, and its end."""

    def __init__(self) -> None:
        self.loops: set[int] = set()
        self.closed = 0
        self.cancelled = threading.Event()

    async def ask(self, answer: str) -> str:
        self.loops.add(id(asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return answer

    async def wait(self) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def aclose(self) -> None:
        self.closed += 1


class Maker:
    """Makes adapters and keeps them."""

    def __init__(self) -> None:
        self.made: list[Adapter] = []

    def __call__(self) -> Adapter:
        self.made.append(Adapter())
        return self.made[-1]


def threads() -> int:
    return sum(thread.name == "bursar-banking" for thread in threading.enumerate())


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def engine(maker):
    before = threads()
    engine = Engine(maker)
    yield engine
    engine.close()
    assert threads() == before


def test_blocking_and_awaited_calls_of_several_loops_share_one_adapter_in_one_loop(engine, maker) -> None:
    assert engine.run(lambda adapter: adapter.ask("a"), twin="ask") == "a"
    assert asyncio.run(engine.call(lambda adapter: adapter.ask("b"))) == "b"
    assert asyncio.run(engine.call(lambda adapter: adapter.ask("c"))) == "c"
    (adapter,) = maker.made
    assert len(adapter.loops) == 1


async def test_blocking_call_in_a_running_loop_names_its_twin(engine, maker) -> None:
    with pytest.raises(SyncCallInLoopError, match=r"await banking\.get_accounts"):
        engine.run(lambda adapter: adapter.ask("a"), twin="get_accounts")
    assert maker.made[0].loops == set()


async def test_callers_at_once_are_served_side_by_side(engine) -> None:
    answers = await asyncio.gather(*(engine.call(lambda adapter, n=n: adapter.ask(str(n))) for n in range(50)))
    assert answers == [str(number) for number in range(50)]


async def test_cancelled_wait_cancels_the_call(engine, maker) -> None:
    waiting = asyncio.create_task(engine.call(lambda adapter: adapter.wait()))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(maker.made[0].cancelled.wait, 5)


async def test_closing_closes_the_adapter_and_a_later_call_makes_another(engine, maker) -> None:
    await engine.call(lambda adapter: adapter.ask("a"))
    await engine.aclose()
    await engine.aclose()
    assert maker.made[0].closed == 1
    assert await engine.call(lambda adapter: adapter.ask("b")) == "b"
    assert len(maker.made) == 2


def test_failure_reaches_the_caller(engine) -> None:
    async def fail(adapter: object) -> None:
        raise LookupError("told")

    with pytest.raises(LookupError, match="told"):
        engine.run(fail, twin="x")


def test_wrong_settings_are_told_at_the_making() -> None:
    def refuse() -> Adapter:
        raise ValueError("set the other key")

    with pytest.raises(ValueError, match="set the other key"):
        Engine(refuse)


def test_object_that_nobody_holds_leaves_no_thread() -> None:
    from bursar.banking import easy_banking
    from bursar.banking.exceptions import BankingProviderError

    before = threads()
    banking = easy_banking("plaid", environ={}, client_id="x", secret="y", base_url="http://127.0.0.1:1")
    with pytest.raises(BankingProviderError):
        banking.accounts("access-sandbox-x")
    assert threads() == before + 1
    del banking
    for _ in range(100):
        gc.collect()
        if threads() == before:
            break
        time.sleep(0.05)
    assert threads() == before
