"""One account, many who tell of it: is the ledger the bank's on a real PostgreSQL, and does a repeat write nothing?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from bursar.domain.accounts import ProviderAccountData, account_identity
from bursar.domain.balances import SnapshotSource
from bursar.domain.evidence import IdTrust
from bursar.domain.ids import new_id
from bursar.domain.sync import SyncBatch, SyncReport, SyncTrigger, TransactionListing
from bursar.domain.transactions import ProviderTransactionData, RemovedTransaction
from bursar.services.ingest import apply_batch
from bursar.services.ingest_target import IngestTarget
from bursar.storage import connections, sync_runs

DAY = date(2026, 3, 2)
NUMBER = account_identity("000123456789", bank_code="021000021")


@dataclass
class Teller:
    """A connection of an invented provider: says what it is told to say."""

    bank: Any
    connection_id: UUID
    trust: IdTrust
    is_file: bool
    identity: str | None = NUMBER
    persistent_id: str | None = None
    account_ids: tuple[str, ...] = ("a",)
    reports: list[SyncReport] = field(default_factory=list[SyncReport])

    def account(self, name: str) -> ProviderAccountData:
        return ProviderAccountData(
            provider_account_id=name,
            account_number_masked="****6789",
            name=f"Account {name}",
            account_type="checking",
            currency="USD",
            balance=Decimal(0),
            balance_known=False,
            identity=self.identity,
            persistent_id=self.persistent_id,
        )

    async def tell(self, *rows: ProviderTransactionData, whole: bool = True, **members: Any) -> SyncReport:
        """Apply a reading: of all rows since ever when `whole`, else of what has changed."""
        bank = self.bank
        bank.live(minutes=1)
        now: datetime = bank.world.now
        run_id = new_id()
        if whole and not self.is_file:
            everything = [TransactionListing(provider_account_id=name, since=date.min) for name in self.account_ids]
            members = {"listings": everything, **members}
        async with bank.platform.database.transaction(bank.tenant_id) as tx:
            await sync_runs.insert_run(
                tx, bank.tenant_id, run_id, connection_id=self.connection_id, trigger=SyncTrigger.MANUAL, at=now
            )
            report = await apply_batch(
                tx,
                bank.tenant_id,
                IngestTarget(
                    connection_id=self.connection_id,
                    provider_slug="ofx_file" if self.is_file else "plaid",
                    institution_name=None,
                    id_trust=self.trust,
                    sync_run_id=run_id,
                    snapshot_source=SnapshotSource.MANUAL_SYNC,
                    hash_identity=lambda text: f"keyed {text}",
                    is_file=self.is_file,
                ),
                SyncBatch(
                    accounts=[self.account(name) for name in self.account_ids],
                    accounts_complete=not self.is_file,
                    transactions=rows,
                    **members,
                ),
                now,
            )
        self.reports.append(report)
        return report


def row(name: str | None, amount: str = "-3.50", text: str = "COFFEE", **members: Any) -> ProviderTransactionData:
    return ProviderTransactionData(
        provider_account_id=members.pop("account", "a"),
        provider_transaction_id=name,
        transaction_type="payment",
        subtype="purchase",
        amount=Decimal(amount),
        currency="USD",
        transaction_date=members.pop("on", DAY),
        description=text,
        **members,
    )


@pytest.fixture
def connect(bank):
    async def connected(trust: IdTrust = IdTrust.STABLE, *, is_file: bool = False, **members: Any) -> Teller:
        connection_id = new_id()
        async with bank.platform.database.transaction(bank.tenant_id) as tx:
            await connections.insert_connection(
                tx,
                bank.tenant_id,
                connection_id,
                user_id=bank.user_id,
                provider_slug="ofx_file" if is_file else "plaid",
                alias=None,
                institution_id=None,
                institution_name=None,
                external_login_id=None,
                at=bank.world.now,
            )
        return Teller(bank, connection_id, IdTrust.CONTENT if is_file else trust, is_file, **members)

    return connected


async def told(bank) -> Counter[tuple[date, str, str]]:
    return Counter((one.transaction_date, f"{one.amount}", one.status) for one in await bank.rows())


def truth(*rows: ProviderTransactionData) -> Counter[tuple[date, str, str]]:
    return Counter((one.transaction_date, f"{one.amount}", one.status) for one in rows)


def ids(rows: Sequence[Any]) -> set[UUID]:
    return {one.id for one in rows}


@pytest.mark.parametrize("trust", list(IdTrust))
async def test_listing_takes_back_what_it_lacks_and_a_repeat_writes_nothing(bank, connect, trust) -> None:
    api = await connect(trust)
    first, twin, other = row("1"), row("2"), row("3", "-9.00", "RENT")
    await api.tell(first, twin, other)
    await api.tell(first, other)
    assert await told(bank) == truth(first, other)
    before = bank.versions()
    await api.tell(first, other)
    assert bank.versions() == before
    await api.tell(first, twin, other)
    assert await told(bank) == truth(first, twin, other)
    assert len(bank.query("SELECT id FROM transactions")) == 3


@pytest.mark.parametrize("trust", [IdTrust.CONTENT, IdTrust.NONE])
async def test_ids_and_texts_that_change_with_every_request_keep_rows_and_words(bank, connect, trust) -> None:
    api = await connect(trust)
    await api.tell(row("x1", text="11/20 COFFEE"), row("x2", text="11/20 COFFEE"), row("x3", "-9.00", "RENT"))
    before, words = ids(await bank.rows()), bank.query("SELECT source_id, key FROM source_records ORDER BY key")
    for attempt in range(3):
        again = (row(f"y{attempt}{n}", text=f"11/2{attempt}  Coffee") for n in range(2))
        await api.tell(*again, row(f"z{attempt}", "-9.00", "RENT"))
    assert ids(await bank.rows()) == before
    assert bank.query("SELECT source_id, key FROM source_records ORDER BY key") == words


@pytest.mark.parametrize("trust", list(IdTrust))
async def test_pending_row_that_settles_without_a_link_keeps_its_id(bank, connect, trust) -> None:
    api = await connect(trust)
    await api.tell(row("p", status="pending"), row("q", "-7.00", status="pending"))
    (before,) = [one for one in await bank.rows() if one.amount == Decimal("-3.50")]
    await api.tell(row("s", text="COFFEE SHOP", on=DAY + timedelta(days=3)))
    (after,) = await bank.rows()
    assert (after.id, after.status) == (before.id, "settled")


async def test_listing_without_a_row_takes_back_only_with_a_day_to_begin_from(bank, connect) -> None:
    api = await connect()
    await api.tell(row("1"))
    await api.tell(whole=False, listings=[TransactionListing(provider_account_id="a", since=None)])
    assert len(await bank.rows()) == 1
    later = TransactionListing(provider_account_id="a", since=DAY + timedelta(days=1))
    await api.tell(whole=False, listings=[later])
    assert len(await bank.rows()) == 1
    await api.tell(whole=False, listings=[TransactionListing(provider_account_id="a", since=DAY)])
    assert await bank.rows() == []


@pytest.mark.parametrize("is_file_first", [True, False])
async def test_file_and_api_of_one_number_are_one_account_and_each_row_once(bank, connect, is_file_first) -> None:
    api, file = await connect(), await connect(is_file=True)
    rows = [row("a1"), row("a2"), row("a3", "-9.00", "RENT")]
    printed = [row("f1", text="COFFEE CORP"), row("f2", text="COFFEE CORP"), row("f3", "-9.00", "RENT 03/26")]
    for teller, said in ((file, printed), (api, rows))[:: 1 if is_file_first else -1]:
        await teller.tell(*said)
    assert await told(bank) == truth(*rows)
    (account,) = await bank.accounts()
    assert set(account.connection_ids) == {api.connection_id, file.connection_id}
    before = bank.versions()
    await file.tell(*printed)
    await api.tell(*rows)
    assert bank.versions() == before
    # What the API says later of a row is its own word about the one row.
    edited = replace(rows[2], amount=Decimal("-9.50"))
    await api.tell(*rows[:2], edited)
    assert await told(bank) == truth(*rows[:2], edited)


async def test_row_that_an_api_takes_back_is_brought_back_by_a_younger_file_only(bank, connect) -> None:
    api, file = await connect(), await connect(is_file=True)
    rows = [row("a1"), row("a2", "-9.00", "RENT")]
    await file.tell(*rows)
    await api.tell(*rows)
    made = bank.world.now
    await api.tell(rows[0])
    assert await told(bank) == truth(rows[0])
    await file.tell(*rows, as_of=made)
    assert await told(bank) == truth(rows[0])
    stranger = await connect(is_file=True)
    await stranger.tell(*rows, as_of=made)
    assert await told(bank) == truth(rows[0])
    await file.tell(*rows)
    assert await told(bank) == truth(*rows)
    assert len(bank.query("SELECT id FROM transactions")) == 2


@pytest.mark.parametrize("trust", list(IdTrust))
@pytest.mark.parametrize("link", [None, "p"])
@pytest.mark.parametrize("name", ["p", "s"])
async def test_pending_row_that_a_file_settles_first_is_one_row_to_the_end(bank, connect, trust, link, name) -> None:
    api, file = await connect(trust), await connect(is_file=True)
    pending = row("p", status="pending")
    await api.tell(pending)
    (before,) = await bank.rows()
    posted = row(name, text="COFFEE SHOP", on=DAY + timedelta(days=2), pending_transaction_id=link)
    await file.tell(replace(posted, provider_transaction_id="f", pending_transaction_id=None))
    await api.tell(pending)
    (row_now,) = await bank.rows()
    assert (row_now.id, row_now.status, row_now.transaction_date) == (before.id, "settled", posted.transaction_date)
    await api.tell(posted)
    assert await told(bank) == truth(posted)
    assert ids(await bank.rows()) == {before.id}


async def test_of_two_apis_one_posts_earlier_and_neither_takes_the_others_row(bank, connect) -> None:
    early, late = await connect(), await connect(IdTrust.NONE)
    pending = row("p", status="pending")
    await early.tell(pending)
    await late.tell(replace(pending, provider_transaction_id="u1"))
    posted = row("s", "-3.50", on=DAY + timedelta(days=1), pending_transaction_id="p")
    await early.tell(posted)
    await late.tell(replace(pending, provider_transaction_id="u2", description="coffee (pending)"))
    assert await told(bank) == truth(posted)
    await late.tell(replace(posted, provider_transaction_id="u3", pending_transaction_id=None))
    assert await told(bank) == truth(posted)
    await late.tell()
    assert await told(bank) == truth(posted)
    await early.tell()
    assert await told(bank) == truth()


async def test_connection_to_the_same_account_after_a_farewell_takes_over_its_rows(bank, connect) -> None:
    first = await connect()
    await first.tell(row("1"), row("2"), row("3", "-9.00", "RENT"))
    before = ids(await bank.rows())
    assert (await bank.platform.connect.disconnect(bank.tenant_id, first.connection_id)).is_success()
    (source,) = bank.query("SELECT valid_until FROM account_sources")
    assert source["valid_until"] is not None
    second = await connect(account_ids=("b",))
    await second.tell(*(row(f"n{n}", account="b") for n in range(2)), row("n3", "-9.00", "RENT", account="b"))
    assert ids(await bank.rows()) == before
    assert len(await bank.accounts()) == 1


async def test_lasting_id_joins_two_connections_and_another_number_does_not(bank, connect) -> None:
    one = await connect(identity=None, persistent_id="lasting")
    other = await connect(identity=None, persistent_id="lasting", account_ids=("b",))
    replaced = await connect(identity=account_identity("999", bank_code="1"), account_ids=("c",))
    await one.tell(row("1"))
    await other.tell(row("2", account="b"))
    await replaced.tell(row("3", account="c"))
    assert len(await bank.accounts()) == 2
    assert len(await bank.rows()) == 2
    assert {one["valid_until"] for one in bank.query("SELECT valid_until FROM account_sources")} == {None}


async def test_ids_of_one_account_say_nothing_of_another(bank, connect) -> None:
    api = await connect(identity=None, account_ids=("a", "b"))
    await api.tell(row("1"), row("1", account="b"), whole=False)
    assert len(await bank.rows()) == 2
    report = await api.tell(whole=False, removed=[RemovedTransaction(provider_transaction_id="1")])
    assert len(await bank.rows()) == 2
    assert [warning.code for warning in report.warnings] == ["removal_ambiguous"]
    gone = RemovedTransaction(provider_transaction_id="1", provider_account_id="b")
    await api.tell(whole=False, removed=[gone])
    (left,) = await bank.rows()
    (account,) = [one for one in await bank.accounts() if one.name == "Account a"]
    assert left.account_id == account.id


async def test_pending_list_of_a_file_cancels_what_it_lacks_and_an_older_one_brings_nothing(bank, connect) -> None:
    file = await connect(is_file=True)
    listing = [TransactionListing(provider_account_id="a", since=date.min, pending_only=True)]
    settled, pending = row("1", "-9.00"), row("p", status="pending")
    await file.tell(settled, pending, listings=listing)
    made = bank.world.now
    bank.live(days=1)
    await file.tell(row("q", "-1.00", status="pending"), listings=listing)
    assert await told(bank) == truth(settled, row("q", "-1.00", status="pending"))
    await file.tell(settled, pending, row("r", "-2.00", status="pending"), listings=listing, as_of=made)
    assert await told(bank) == truth(settled, row("q", "-1.00", status="pending"))
