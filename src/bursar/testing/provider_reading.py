"""Is what a provider reads the whole truth, once, with the right sign and under ids that stay?"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bursar.domain.accounts import AccountType
from bursar.domain.connections import ProviderCapability
from bursar.domain.sync import RecordBatch
from bursar.domain.transactions import ALLOWED_SUBTYPES, ProviderTransactionData, TransactionStatus
from bursar.ports.errors import ProviderError, ProviderUnsupportedError, ProviderValidationError
from bursar.sandbox.ledger import Row, RowState
from bursar.sandbox.people import CURRENCY_DECIMALS
from bursar.testing.loopback import Answer
from bursar.testing.provider_stage import ProviderStage, Reading

_FAR_PAST = date(1990, 1, 1)
_MANY = 1250


def _told(rows: Iterable[ProviderTransactionData]) -> Counter[tuple[object, ...]]:
    return Counter((row.transaction_date, row.amount, row.currency, row.status) for row in rows)


def _true(rows: Iterable[Row]) -> Counter[tuple[object, ...]]:
    return Counter((row.booked_on, row.amount, row.currency, row.state.value) for row in rows)


def _unit(stage: ProviderStage, account_id: str, units: int) -> Decimal:
    currency = stage.world.accounts[account_id].currency
    return Decimal(units).scaleb(-CURRENCY_DECIMALS[currency])


def _listed(stage: ProviderStage, account_id: str) -> tuple[Row, ...]:
    """Return the rows of the bank that this provider shows."""
    truth = stage.world.truth(account_id)
    return truth.rows if stage.has(ProviderCapability.PENDING_TRANSACTIONS) else truth.settled


def _is_taken_back(reading: Reading, row: ProviderTransactionData) -> bool:
    """True when a reading names a row as removed, or lists its account and day and does not have it."""
    if row.provider_transaction_id in reading.removed:
        return True
    spans = [
        span
        for batch in reading.batches
        for span in batch.listings
        if span.provider_account_id == row.provider_account_id
        and span.since is not None
        and span.since <= row.transaction_date
        and (span.until is None or row.transaction_date <= span.until)
    ]
    return bool(spans) and row.provider_transaction_id not in reading.transactions


async def _transaction_account(stage: ProviderStage, reading: Reading) -> tuple[str, str]:
    """Return (provider id, world id) of the account with most rows among those that a script may book on."""
    counts = Counter(row.provider_account_id for row in reading.transactions.values())
    for provider_id, _ in counts.most_common():
        record = reading.accounts[provider_id]
        if not AccountType(record.account_type).is_investment():
            return provider_id, stage.find_account(record).account_id
    raise AssertionError("no account of the simulator has transactions")


class ReadingPromises:
    """Scenarios about what is read; `stage` is connected."""

    async def test_accounts_and_balances_are_those_of_the_bank(self, stage: ProviderStage) -> None:
        accounts = await stage.adapter.fetch_accounts(stage.credentials)
        assert accounts
        assert accounts.complete
        assert not accounts.rejected
        for record in accounts:
            account = stage.find_account(record)
            expected = stage.world.balance(account.account_id)
            expected += sum((one.value for one in stage.world.positions(account.account_id)), Decimal(0))
            assert (record.currency, record.balance_known, record.balance) == (account.currency, True, expected)

    async def test_sum_of_the_amounts_is_the_banks_ledger_to_the_cent(self, stage: ProviderStage) -> None:
        reading = await stage.read()
        assert reading.accounts
        rows = list(reading.transactions.values())
        if not stage.has(ProviderCapability.TRANSACTIONS):
            assert rows == []
            return
        assert rows
        for provider_id, record in reading.accounts.items():
            truth = stage.world.truth(stage.find_account(record).account_id)
            mine = [row for row in rows if row.provider_account_id == provider_id]
            settled = [row.amount for row in mine if row.status == "settled"]
            assert sum(settled, Decimal(0)) == sum((row.amount for row in truth.settled), Decimal(0))
            if not AccountType(record.account_type).is_investment():
                listed = truth.rows if stage.has(ProviderCapability.PENDING_TRANSACTIONS) else truth.settled
                assert _told(mine) == _true(listed)

    async def test_only_words_of_the_domain_leave_the_mapping(self, stage: ProviderStage) -> None:
        reading = await stage.read()
        assert not reading.rejected
        for row in reading.transactions.values():
            assert row.subtype in ALLOWED_SUBTYPES[row.transaction_type]
            assert row.status in TransactionStatus.values()
            assert len(row.currency) == 3
            assert row.currency.isupper()
            assert row.amount.is_finite()

    async def test_ids_are_unique_and_equal_in_every_run(self, stage: ProviderStage) -> None:
        first, second = await stage.read(), await stage.read()
        assert first.accounts.keys() == second.accounts.keys()
        assert first.transactions == second.transactions
        told = [row for batch in first.batches for row in batch.transactions]
        assert len({row.provider_transaction_id for row in told}) == len(told)

    async def test_second_sync_of_an_unchanged_bank_says_nothing_new(self, stage: ProviderStage) -> None:
        first = await stage.read()
        second = await stage.read(first.cursor)
        assert not second.removed
        assert not second.rejected
        if stage.has(ProviderCapability.INCREMENTAL_SYNC):
            assert first.cursor is not None
            repeated = {key: first.transactions.get(key) for key in second.transactions}
            assert second.transactions == repeated
            banking = [row for row in second.transactions.values() if row.symbol is None and row.quantity is None]
            assert banking == []
        else:
            assert second.transactions == first.transactions

    async def test_edit_at_the_bank_is_exactly_that_edit(self, stage: ProviderStage) -> None:
        first = await stage.read()
        if not stage.has(ProviderCapability.TRANSACTIONS):
            assert not first.transactions
            return
        provider_id, world_id = await _transaction_account(stage, first)
        target = next(row for row in stage.world.truth(world_id).rows if row.state is RowState.SETTLED)
        amount = target.amount - _unit(stage, world_id, 7)
        stage.world.script.modify(target.world_id, amount=amount, description="EDITED AT THE BANK")
        second = await stage.read(first.cursor)
        changed = [row for key, row in second.transactions.items() if first.transactions.get(key) != row]
        (edited,) = changed
        assert edited.provider_account_id == provider_id
        assert edited.provider_transaction_id in first.transactions
        assert (edited.amount, edited.transaction_date) == (amount, target.booked_on)
        assert not second.removed

    @pytest.mark.parametrize("tip", [0, 250], ids=["same_amount", "changed_amount"])
    async def test_posted_row_takes_the_place_of_its_pending_one(self, stage: ProviderStage, tip: int) -> None:
        first = await stage.read()
        if not stage.has(ProviderCapability.TRANSACTIONS):
            assert not first.transactions
            return
        _, world_id = await _transaction_account(stage, first)
        row_id = stage.world.script.add_pending(world_id, _unit(stage, world_id, -4111), "CARD AUTHORIZATION")
        second = await stage.read(first.cursor)
        announced = [row for key, row in second.transactions.items() if key not in first.transactions]
        if not stage.has(ProviderCapability.PENDING_TRANSACTIONS):
            assert announced == []
        else:
            assert [(row.status, row.amount) for row in announced] == [("pending", _unit(stage, world_id, -4111))]
        stage.world.script.post(row_id, amount=_unit(stage, world_id, -4111 - tip))
        third = await stage.read(second.cursor)
        known = {**first.transactions, **second.transactions}
        (posted,) = [row for key, row in third.transactions.items() if known.get(key) != row]
        assert (posted.status, posted.amount) == ("settled", _unit(stage, world_id, -4111 - tip))
        if announced:
            (pending,) = announced
            known_as = {posted.provider_transaction_id, posted.pending_transaction_id}
            assert (pending.provider_transaction_id in known_as) == stage.case.names_pending
            if posted.provider_transaction_id != pending.provider_transaction_id:
                assert _is_taken_back(third, pending)

    @pytest.mark.parametrize("count", [0, 1, 2, 101, _MANY])
    async def test_every_row_of_a_listing_of_any_length_comes_once(self, stage: ProviderStage, count: int) -> None:
        first = await stage.read()
        if not stage.has(ProviderCapability.TRANSACTIONS):
            assert not first.transactions
            return
        provider_id, world_id = await _transaction_account(stage, first)
        for number in range(count):
            stage.world.script.add_settled(world_id, _unit(stage, world_id, -number - 1), "ONE OF MANY")
        later = await stage.read(first.cursor)
        new = [row for key, row in later.transactions.items() if key not in first.transactions]
        assert sum(len(batch.transactions) for batch in later.batches) == len(later.transactions)
        assert sorted(row.amount for row in new) == [_unit(stage, world_id, -number) for number in range(count, 0, -1)]
        if count == _MANY:
            whole = await stage.adapter.fetch_transactions(stage.credentials, provider_id, _FAR_PAST, None)
            assert len({row.provider_transaction_id for row in whole}) == len(whole)
            assert len(whole) == len(_listed(stage, world_id))

    async def test_page_that_repeats_for_ever_is_an_error(self, stage: ProviderStage) -> None:
        first = await stage.read()
        if stage.has(ProviderCapability.TRANSACTIONS):
            _, world_id = await _transaction_account(stage, first)
            for number in range(_MANY):
                stage.world.script.add_settled(world_id, _unit(stage, world_id, -number - 1), "ONE OF MANY")
        stage.wire.answers.clear()
        await stage.read(first.cursor)
        calls = Counter(answer.path for answer in stage.wire.answers)
        path, times = calls.most_common(1)[0]
        if times == 1:
            pytest.fail("no listing of the simulator has more than one page: the loop cannot be tested")
        page = next(answer for answer in stage.wire.answers if answer.path == path)

        def repeat(answer: Answer) -> Answer:
            return answer.saying(page.body) if answer.path == path else answer

        with stage.tampering(repeat), pytest.raises(ProviderError):
            async with asyncio.timeout(20):
                await stage.read(first.cursor)

    async def test_both_ends_of_a_date_range_are_included(self, stage: ProviderStage) -> None:
        reading = await stage.read()
        if not stage.has(ProviderCapability.TRANSACTIONS):
            with pytest.raises(ProviderUnsupportedError):
                await stage.adapter.fetch_transactions(stage.credentials, "any", None, None)
            return
        provider_id, world_id = await _transaction_account(stage, reading)
        rows = _listed(stage, world_id)
        days = sorted({row.booked_on for row in rows})
        for start, end in ((days[0], days[-1]), (days[2], days[5]), (days[3], days[3])):
            found = await stage.adapter.fetch_transactions(stage.credentials, provider_id, start, end)
            assert _told(found) == _true(row for row in rows if start <= row.booked_on <= end)
        empty = days[0] - timedelta(days=400)
        nothing = await stage.adapter.fetch_transactions(stage.credentials, provider_id, empty, empty)
        assert (list(nothing), nothing.complete) == ([], True)
        with pytest.raises(ProviderValidationError):
            await stage.adapter.fetch_transactions(stage.credentials, provider_id, days[1], days[0])

    async def test_what_is_not_offered_is_refused_with_the_typed_error(self, stage: ProviderStage) -> None:
        accounts = await stage.adapter.fetch_accounts(stage.credentials)
        account_id = accounts[0].provider_account_id
        reading = await stage.read()
        if stage.has(ProviderCapability.HOLDINGS):
            assert isinstance(await stage.adapter.fetch_holdings(stage.credentials, account_id), RecordBatch)
        else:
            assert not reading.holdings
            with pytest.raises(ProviderUnsupportedError):
                await stage.adapter.fetch_holdings(stage.credentials, account_id)
        if stage.has(ProviderCapability.TRANSACTIONS):
            found = await stage.adapter.fetch_transactions(stage.credentials, account_id, None, None)
            assert isinstance(found, RecordBatch)
        else:
            assert not reading.transactions
            with pytest.raises(ProviderUnsupportedError):
                await stage.adapter.fetch_transactions(stage.credentials, account_id, None, None)
