"""Are owners kept sealed, shown only with a record, never guessed, and never with a tax number?"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from bursar.domain.connections import ProviderCapability
from bursar.domain.failures import Conflict, Invalid, NotFound, ProviderFailed
from bursar.domain.result import Failure, Success
from bursar.registry import Registry
from bursar.security.failures import VaultError
from bursar.services.owners import OwnerService
from bursar.testing.damage import decode, encode
from bursar.testing.loopback import Answer

CHECKING = "hudson-first-river-checking"
WHY = "loan application 4711"
PLANTED = {"ssn": "900-12-3456", "tax_id": "90-0123456", "tin": "900123456"}


async def refresh(bank, account, **more: Any):
    return await bank.platform.owners.refresh(bank.tenant_id, bank.user_id, account.id, **{"reason": WHY} | more)


async def read(bank, account, **more: Any):
    return await bank.platform.owners.read(bank.tenant_id, bank.user_id, account.id, **{"reason": WHY} | more)


async def events(bank, account) -> list[tuple[str, dict[str, Any]]]:
    listed, _ = await bank.platform.audit.list_events(bank.tenant_id, subject_id=account.id, limit=100)
    assert {event.actor_user_id for event in listed} <= {bank.user_id}
    return [(event.event_type, event.data) for event in reversed(listed)]


def stored(bank) -> list[dict[str, Any]]:
    return bank.query("SELECT ctid::text, xmin::text, * FROM account_owners ORDER BY account_id")


ROWS = {"transactions", "source_records", "outbox"}
"""Where a bank itself writes of whom a payment came: texts of rows, and not what is known of owners."""


def dump(bank, *, but: Collection[str] = ()) -> str:
    with psycopg.connect(bank.database_url) as raw:
        raw.execute("SELECT set_config('app.tenant_id', %s, false)", [str(bank.tenant_id)])
        tables = raw.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            str(row)
            for (table,) in tables
            if table not in but
            for (row,) in raw.execute(f"SELECT t::text FROM {table} t").fetchall()
        )


async def test_owners_are_unknown_until_somebody_asks_and_then_those_of_the_bank(bank, connection) -> None:
    account = await bank.account(CHECKING)
    before = await read(bank, account)
    assert isinstance(before, Success)
    assert (before.value.told, before.value.stored_at) == (None, None)
    asked = await refresh(bank, account)
    assert isinstance(asked, Success)
    known = await read(bank, account)
    assert isinstance(known, Success)
    assert known.value.told is not None
    people = bank.world.accounts[CHECKING].holders
    assert [owner.names for owner in known.value.told.owners] == [(person.name,) for person in people]
    assert [owner.emails for owner in known.value.told.owners] == [(person.email,) for person in people]
    assert (asked.value.owner_count, asked.value.is_changed) == (len(people), True)
    told = await events(bank, account)
    assert [name for name, _ in told] == ["owners.read", "owners.requested", "owners.stored", "owners.read"]
    assert [data.get("reason") for _, data in told] == [WHY, WHY, None, WHY]
    assert ("owner_count" in told[0][1], told[3][1]["owner_count"]) == (False, len(people))


async def test_unchanged_answer_writes_nothing_and_a_changed_one_replaces(bank, connection) -> None:
    account = await bank.account(CHECKING)
    await refresh(bank, account)
    first = stored(bank)
    bank.live(days=1)
    again = await refresh(bank, account)
    assert isinstance(again, Success)
    assert again.value.is_changed is False
    assert stored(bank) == first

    def rename(answer: Answer) -> Answer:
        person = bank.world.accounts[CHECKING].holders[0]
        return answer.saying(answer.body.replace(person.name.encode(), b"Ada Married"))

    with bank.tampering(rename):
        changed = await refresh(bank, account)
    assert isinstance(changed, Success)
    assert changed.value.is_changed
    known = await read(bank, account)
    assert known.value.told.owners[0].names == ("Ada Married",)
    assert len(stored(bank)) == 1


async def test_nobody_on_file_is_not_the_same_as_unknown(bank, connection) -> None:
    account = await bank.account(CHECKING)

    def forget(answer: Answer) -> Answer:
        body = decode(answer.body)
        for one in body.get("accounts", []):
            one["owners"] = []
        return answer.saying(encode(body))

    with bank.tampering(forget):
        assert isinstance(await refresh(bank, account), Success)
    known = await read(bank, account)
    assert known.value.told is not None
    assert known.value.told.owners == ()


async def test_sealed_owners_open_in_their_own_row_only(bank, connection) -> None:
    first, second = (await bank.accounts())[:2]
    for account in (first, second):
        assert isinstance(await refresh(bank, account), Success)
    bank.query(
        "UPDATE account_owners SET sealed = (SELECT sealed FROM account_owners WHERE account_id = %(first)s) "
        "WHERE account_id = %(second)s RETURNING 1",
        first=first.id,
        second=second.id,
    )
    with pytest.raises(VaultError):
        await read(bank, second)
    assert [name for name, _ in await events(bank, second)] == ["owners.requested", "owners.stored"]


async def test_tax_numbers_of_a_hostile_answer_are_nowhere(bank, connection, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    account = await bank.account(CHECKING)

    def plant(value: Any) -> Any:
        if isinstance(value, list):
            return [plant(one) for one in value]
        return {name: plant(one) for name, one in value.items()} | PLANTED if isinstance(value, dict) else value

    def spoil(answer: Answer) -> Answer:
        body = plant(decode(answer.body))
        for one in body.get("accounts", []):
            for owner in one.get("owners", []):
                owner["names"] = [*owner["names"], "SSN 900-12-3456"]
                owner["phone_numbers"][0]["data"] = "900-12-3456"
                owner["addresses"][0]["data"]["street"] = "Tax ID 90-0123456"
        return answer.saying(encode(body))

    with bank.tampering(spoil):
        asked = await refresh(bank, account)
    assert isinstance(asked, Success)
    assert asked.value.withheld_count >= 3
    known = await read(bank, account)
    shown = str([(one.names, one.emails, one.phones, one.addresses) for one in known.value.told.owners])
    shown += str([address.lines for one in known.value.told.owners for address in one.addresses])
    everywhere = shown + dump(bank) + caplog.text
    assert not [number for number in PLANTED.values() if number in everywhere]


async def test_no_name_and_no_token_is_in_any_table_log_or_job_at_debug(bank, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    connection_id, public_token = await bank.begin()
    connection = await bank.complete(connection_id, {"public_token": public_token})
    await bank.sync(connection)
    async with bank.platform.database.transaction(bank.tenant_id) as tx:
        opened = await bank.platform.keys.open_credentials(tx, bank.tenant_id, connection.id, provider_slug="plaid")
    for account in await bank.accounts():
        await refresh(bank, account)
        assert (await read(bank, account)).value.told is not None
    people = [person for household in bank.world.households for person in household.people]
    private = {text for one in people for text in (one.name, one.email, one.phone, one.street)}
    private |= {public_token, opened.require("access_token")}
    assert not [text for text in private - {one.name for one in people} if text in dump(bank)]
    seen = dump(bank, but=ROWS)
    assert WHY in seen
    assert "bursar.sync_connection" in seen
    assert not [text for text in private if text in seen or text.encode().hex() in seen]
    assert not [text for text in private if text in caplog.text]
    asked = [answer.path for answer in bank.wire.answers]
    assert asked
    assert not [text for text in private for path in asked if text in path]


async def test_provider_that_fails_leaves_what_is_known_and_says_why(bank, connection) -> None:
    account = await bank.account(CHECKING)
    await refresh(bank, account)
    first = stored(bank)
    bank.plaid.act("break_item", {"item_id": connection.external_login_id, "code": "ITEM_LOGIN_REQUIRED"})
    failed = await refresh(bank, account)
    assert isinstance(failed, Failure)
    assert isinstance(failed.error, ProviderFailed)
    assert failed.error.action == "reauthenticate"
    assert stored(bank) == first
    assert (await events(bank, account))[-1][0] == "owners.not_obtained"


async def test_provider_that_does_not_tell_owners_says_so(bank, connection) -> None:
    platform = bank.platform
    spec = platform.registry.providers["plaid"]
    silent = Registry([replace(spec, capabilities=spec.capabilities - {ProviderCapability.IDENTITY})], [])
    service = OwnerService(platform.database, silent, platform.providers, platform.keys, platform.clock)
    account = await bank.account(CHECKING)
    failed = await service.refresh(bank.tenant_id, bank.user_id, account.id, reason=WHY)
    assert isinstance(failed, Failure)
    assert isinstance(failed.error, ProviderFailed)
    assert (failed.error.code, failed.error.action) == ("unsupported_capability", "change_request")
    assert "does not tell who owns" in failed.error.message
    assert stored(bank) == []


async def test_paused_or_left_connection_is_not_asked(bank, connection) -> None:
    account = await bank.account(CHECKING)
    await bank.platform.connect.pause(bank.tenant_id, connection.id)
    paused = await refresh(bank, account)
    assert isinstance(paused, Failure)
    assert isinstance(paused.error, Conflict)
    assert paused.error.code == "paused"
    await bank.platform.connect.disconnect(bank.tenant_id, connection.id)
    left = await refresh(bank, account)
    assert isinstance(left, Failure)
    assert isinstance(left.error, Conflict | NotFound)


@pytest.mark.parametrize("reason", [None, " ", "x" * 201, "a\nb"])
async def test_without_a_reason_nothing_is_opened_and_nobody_is_asked(bank, connection, reason) -> None:
    account = await bank.account(CHECKING)
    asked = len(bank.wire.answers)
    for outcome in (await read(bank, account, reason=reason), await refresh(bank, account, reason=reason)):
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.error, Invalid)
    assert len(bank.wire.answers) == asked
    assert await events(bank, account) == []


async def test_refreshes_at_once_store_one_row(bank, connection) -> None:
    account = await bank.account(CHECKING)
    done = await asyncio.gather(*(refresh(bank, account) for _ in range(5)))
    assert sorted(outcome.value.is_changed for outcome in done) == [False] * 4 + [True]
    assert len(stored(bank)) == 1


async def test_account_that_is_erased_while_its_provider_is_asked_keeps_nothing(bank, connection) -> None:
    account = await bank.account(CHECKING)
    erasures: list[bool] = []

    class Slow:
        async def fetch_owners(self, *arguments: Any) -> Any:
            erasures.append(await bank.platform.access.erase_tenant(bank.tenant_id))
            return await adapter.fetch_owners(*arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(adapter, name)

    adapter = bank.platform.providers.get_provider("plaid")
    bank.platform.providers._adapters["plaid"] = Slow()
    outcome = await refresh(bank, account)
    assert erasures == [True]
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, NotFound)
    assert stored(bank) == []
