"""What may a person say of a transfer that stays unknown, and what does it do to the limit and the record?"""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest

from bursar.domain.ids import new_id


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
async def lost(alice, bank):
    """A transfer whose answer was lost and whose connection was removed: nobody can look it up any more."""
    bank.fault("drop_after")
    sent = await alice.send("10")
    assert sent["status"] == "unknown"
    assert (await alice.call("DELETE", f"/connections/{alice.connection_id}")).status_code == 204
    bank.advance(minutes=15)
    return sent


async def decide(user, transfer_id, happened, **more):
    return await user.call("POST", f"/transfers/{transfer_id}/decisions", json={"happened": happened}, **more)


@pytest.mark.parametrize(
    ("happened", "status", "event", "committed"),
    [(True, "completed", "found", Decimal(10)), (False, "failed", "not_found", Decimal(0))],
)
async def test_decision_settles_limit_and_record_once(
    alice, bank, lost, used, events, happened, status, event, committed
) -> None:
    assert (await used(alice)).reserved == Decimal(10)
    for _ in range(2):
        answer = await decide(alice, lost["id"], happened)
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, status)
    assert ((await used(alice)).committed, (await used(alice)).reserved) == (committed, Decimal(0))
    assert await events(alice, lost["id"]) == ["requested", "outcome_unknown", event]
    last = (await alice.get(f"/audit_events?subject_id={lost['id']}"))[0]
    assert (last["actor_user_id"], last["data"]["basis"]) == (str(alice.user_id), "decision")
    assert code_of(await decide(alice, lost["id"], not happened)) == (409, "invalid_transition")
    assert (await used(alice)).committed == committed
    assert bank.payments() == 1


async def test_decision_waits_until_the_order_can_no_longer_be_carried_out(alice, bank, used) -> None:
    bank.fault("drop_before")
    sent = await alice.send("10")
    bank.advance(minutes=14, seconds=59)
    for happened in (True, False):
        answer = await decide(alice, sent["id"], happened)
        assert code_of(answer) == (409, "invalid_transition")
        assert "15 minutes" in answer.json()["error"]["message"]
    assert (await used(alice)).reserved == Decimal(10)
    bank.advance(seconds=1)
    assert (await decide(alice, sent["id"], False)).status_code == 200


async def test_outcome_that_is_known_cannot_be_decided(alice, bank, used, events) -> None:
    sent, staged = await alice.send("10"), await alice.send("11", confirm=True)
    bank.advance(days=1)
    assert code_of(await decide(alice, sent["id"], False)) == (409, "invalid_transition")
    for happened in (True, False):
        assert code_of(await decide(alice, staged["id"], happened)) == (409, "invalid_transition")
    assert await events(alice, sent["id"]) == ["requested", "completed"]
    assert (await alice.get(f"/transfers/{staged['id']}"))["status"] == "awaiting_confirmation"


async def test_decisions_and_the_look_up_at_once_record_one_outcome(alice, bank, platform, events, used) -> None:
    bank.fault("drop_after")
    sent = await alice.send("10")
    bank.advance(minutes=20)
    await asyncio.gather(
        *(decide(alice, sent["id"], happened) for happened in (True, False) * 3),
        *(platform.reconciler.look_after(alice.tenant_id, UUID(sent["id"])) for _ in range(3)),
    )
    shown = await alice.get(f"/transfers/{sent['id']}")
    told = await events(alice, sent["id"])
    assert (shown["status"], told[2:]) in [("completed", ["found"]), ("failed", ["not_found"])]
    assert (await used(alice)).used == (Decimal(10) if shown["status"] == "completed" else 0)


@pytest.mark.parametrize("body", [{}, {"happened": 1}, {"happened": "true"}, {"happened": None}, {"happend": True}])
async def test_body_that_says_nothing_clear_is_refused(alice, lost, body) -> None:
    answer = await alice.call("POST", f"/transfers/{lost['id']}/decisions", json=body)
    assert code_of(answer) == (400, "validation_error")
    assert (await alice.get(f"/transfers/{lost['id']}"))["status"] == "unknown"


async def test_only_an_administrator_of_the_tenant_decides(alice, lost, new_user) -> None:
    for role in ("user", "readonly"):
        other = await new_user(of=alice, role=role)
        assert code_of(await decide(other, lost["id"], False)) == (403, "permission_denied")
    stranger = await new_user()
    for transfer_id in (lost["id"], new_id()):
        assert code_of(await decide(stranger, transfer_id, False)) == (404, "resource_not_found")
    assert (await alice.get(f"/transfers/{lost['id']}"))["status"] == "unknown"


@pytest.mark.parametrize("rules", [{"transfers_enabled": False}])
async def test_switched_off_nothing_is_decided(alice) -> None:
    assert code_of(await decide(alice, new_id(), True)) == (403, "transfers_disabled")
