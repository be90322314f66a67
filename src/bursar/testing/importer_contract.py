"""Does a file format keep every promise that the platform relies on?"""

import io
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bursar.domain.accounts import AccountType
from bursar.domain.transactions import ALLOWED_SUBTYPES, ProviderTransactionData, TransactionStatus
from bursar.ports.errors import ProviderValidationError
from bursar.ports.importer import ImporterSpec, ImportLimits, ImportOptions, StatementFile
from bursar.sandbox.faces import StatementWriter
from bursar.sandbox.ledger import Row
from bursar.sandbox.people import AccountKind
from bursar.sandbox.world import World
from bursar.testing.damage import LONG_NUMBERS
from bursar.testing.memory_ledger import MemoryLedger

DECLARED_IMPORTERS: set[str] = set()
"""Slugs that a suite was declared for in this process."""

_START = date(2026, 3, 2)
_HISTORY_DAYS = 40
_BAD_NUMBERS = ("NaN", "Infinity", "", "null", "1e400", "--5", "12.34.56.78", "\N{SUPERSCRIPT TWO}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterCase:
    """An importer's declaration."""

    spec: ImporterSpec
    writers: Mapping[str, StatementWriter]
    golden: Path | None


class ImporterContract:
    """Every scenario, on files that the simulated banks write and on the author's golden files."""

    case: ImporterCase

    @pytest.fixture
    def world(self) -> World:
        """A small world whose banks write statements."""
        return World(5, start=_START, history_days=_HISTORY_DAYS, families=1)

    def _read(self, content: bytes, **options: Any) -> StatementFile:
        return self.case.spec.read(io.BytesIO(content), ImportOptions(today=_START, **options))

    def _whole(self, world: World, account_id: str, writer: StatementWriter) -> bytes:
        return writer(world, account_id, _START - timedelta(days=_HISTORY_DAYS + 5), _START)

    def _checking(self, world: World) -> str:
        return next(one.account_id for one in world.accounts.values() if one.kind is AccountKind.CHECKING)

    def test_declaration_is_whole_and_files_are_recognised_by_content(self, world: World) -> None:
        spec = self.case.spec
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,49}", spec.slug)
        assert spec.display_name
        assert spec.capabilities
        assert spec.file_providers
        assert all(extension.startswith(".") and extension.islower() for extension in spec.extensions)
        for writer in self.case.writers.values():
            assert spec.sniff(self._whole(world, self._checking(world), writer)[: 64 * 1024]) > 0
        for stranger in (b"", b"\x00" * 100, b"%PDF-1.7", b"<html><body></body></html>", b"{}", b"\x1f\x8b\x08"):
            assert spec.sniff(stranger) == 0

    def test_statement_of_every_account_is_the_banks_truth(self, world: World) -> None:
        read_count = 0
        for writer in self.case.writers.values():
            for account in world.accounts.values():
                file = self._read(self._whole(world, account.account_id, writer))
                truth = world.truth(account.account_id)
                assert not file.batch.rejected
                told = Counter((row.transaction_date, row.amount) for row in file.batch.transactions)
                # A broker's statement dates a trade by its trade date, a bank's a row by its booking date.
                by_trade = AccountType(file.batch.accounts[0].account_type).is_investment()
                assert told == Counter(
                    (row.authorized_on if by_trade and row.trade else row.booked_on, row.amount)
                    for row in truth.settled
                )
                assert file.rows_read == len(truth.settled)
                (record,) = file.batch.accounts
                positions = sum((one.value for one in world.positions(account.account_id)), Decimal(0))
                assert record.currency == account.currency
                assert not record.balance_known or record.balance == truth.balance + positions
                read_count += file.rows_read
        assert read_count > 50

    def test_only_words_of_the_domain_leave_the_mapping(self, world: World) -> None:
        for writer in self.case.writers.values():
            for account_id in world.accounts:
                for row in self._read(self._whole(world, account_id, writer)).batch.transactions:
                    assert row.subtype in ALLOWED_SUBTYPES[row.transaction_type]
                    assert row.status in TransactionStatus.values()
                    assert row.amount.is_finite()

    def test_missing_piece_of_a_row_costs_that_row_at_most(self, world: World) -> None:
        for writer in self.case.writers.values():
            content = self._whole(world, self._checking(world), writer)
            before = self._read(content)
            row = before.batch.transactions[len(before.batch.transactions) // 2]
            rejected = 0
            for piece in self._pieces(content, row.provider_transaction_id or ""):
                try:
                    after = self._read(content.replace(piece, b"", 1))
                except ProviderValidationError:
                    continue
                self._check_counts(after)
                others, now = _by_id(before), _by_id(after)
                del others[row.provider_transaction_id]
                changed = [name for name, one in others.items() if now.get(name) != one]
                assert len(changed) <= 1, f"without {piece!r}"
                rejected += len(after.batch.rejected)
            assert rejected, "no piece of a row is required"

    @staticmethod
    def _pieces(content: bytes, name: str) -> Iterable[bytes]:
        """Return pieces of the text around a row's id that occur once."""
        at = content.find(name.encode())
        around = content[max(0, at - 120) : at + 120]
        pieces = set(re.findall(rb"<[A-Z.]+>[^<]*", around)) | set(re.findall(rb"[^\r\n,;]+", around))
        return sorted(piece for piece in pieces if 3 < len(piece) < 100 and content.count(piece) == 1)

    @staticmethod
    def _check_counts(file: StatementFile) -> None:
        rejected = sum(record.kind == "transaction" for record in file.batch.rejected)
        assert file.rows_read == len(file.batch.transactions) + rejected

    @pytest.mark.parametrize("text", _BAD_NUMBERS)
    def test_number_that_is_none_is_rejected_and_never_zero(self, world: World, text: str) -> None:
        for writer in self.case.writers.values():
            content, row = self._with_amount(world, writer, text)
            try:
                file = self._read(content)
            except ProviderValidationError:
                continue
            self._check_counts(file)
            assert file.batch.rejected, f"{text!r} was taken as an amount"
            assert all(one.amount for one in file.batch.transactions)
            assert row.amount not in {one.amount for one in file.batch.transactions}

    @pytest.mark.parametrize("digits", LONG_NUMBERS)
    def test_numbers_keep_their_digits(self, world: World, digits: str) -> None:
        for writer in self.case.writers.values():
            content, _ = self._with_amount(world, writer, digits)
            assert Decimal(digits) in {row.amount for row in self._read(content).batch.transactions}

    def _with_amount(self, world: World, writer: StatementWriter, text: str) -> tuple[bytes, Row]:
        """Return a statement in which the amount of one row is another text."""
        account_id = self._checking(world)
        content = self._whole(world, account_id, writer)
        for row in world.truth(account_id).settled:
            amount = f">{row.amount}".encode()
            written = amount if content.count(amount) == 1 else str(row.amount).encode()
            if content.count(written) == 1:
                return content.replace(written, written[: -len(str(row.amount))] + text.encode()), row
        raise AssertionError("no amount of the statement occurs once")

    def test_booking_dates_are_those_of_the_bank_in_every_zone_and_at_every_hour(self) -> None:
        world = World(5, start=_START, history_days=_HISTORY_DAYS, families=3)
        accounts = [one for one in world.accounts.values() if one.kind is AccountKind.CHECKING]
        for hours in (2, 9, 3):  # 9:30, 18:30 and 21:30 in New York, night and morning in Tokyo
            world.advance(timedelta(hours=hours, minutes=30))
            for account in accounts:
                world.script.add_settled(account.account_id, Decimal(-100 - hours), f"AT {hours}")
        # The last days of March: clocks change in London.
        world.advance(timedelta(days=28))
        for writer in self.case.writers.values():
            for account in accounts:
                content = writer(world, account.account_id, _START - timedelta(days=60), _START + timedelta(days=60))
                told = self.case.spec.read(io.BytesIO(content), ImportOptions()).batch.transactions
                true_rows = world.truth(account.account_id).settled
                assert Counter((row.transaction_date, row.amount) for row in told) == Counter(
                    (row.booked_on, row.amount) for row in true_rows
                )

    def test_account_numbers_stay_out_of_logs_and_repr(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        for writer in self.case.writers.values():
            for account in world.accounts.values():
                content = self._whole(world, account.account_id, writer)
                file = self._read(content)
                assert account.number not in repr(file)
                assert account.number not in caplog.text
                (record,) = file.batch.accounts
                assert record.id_is_sensitive or account.number not in record.provider_account_id
                assert account.number not in record.account_number_masked
                with pytest.raises(ProviderValidationError) as caught:
                    self._read(content[: len(content) * 2 // 3])
                assert account.number not in repr(caught.value) + str(caught.value) + str(caught.value.details)

    def test_ids_are_unique_and_equal_in_every_reading(self, world: World) -> None:
        for writer in self.case.writers.values():
            for account_id in world.accounts:
                content = self._whole(world, account_id, writer)
                first, second = self._read(content).batch, self._read(content).batch
                assert first.transactions == second.transactions
                names = [row.provider_transaction_id for row in first.transactions if row.provider_transaction_id]
                assert len(set(names)) == len(names)
                assert first.accounts[0].provider_account_id == second.accounts[0].provider_account_id
        ids = {
            self._read(self._whole(world, account_id, writer)).batch.accounts[0].provider_account_id
            for account_id in world.accounts
            for writer in self.case.writers.values()
        }
        assert len(ids) == len(world.accounts)

    def test_only_a_whole_listing_of_positions_closes_what_it_lacks(self, world: World) -> None:
        for writer in self.case.writers.values():
            for account in world.accounts.values():
                listings = self._read(self._whole(world, account.account_id, writer)).batch.holdings
                held = {one.quantity for one in world.positions(account.account_id)}
                assert {one.quantity for listing in listings for one in listing.holdings} == held
                for listing in listings:
                    assert listing.complete

    def test_same_file_again_says_nothing_new(self, world: World) -> None:
        for writer in self.case.writers.values():
            rows = self._read(self._whole(world, self._checking(world), writer)).batch.transactions
            ledger = MemoryLedger(self.case.spec.id_trust)
            ledger.take(rows)
            assert {decision.kind.value for decision in ledger.take(rows)} == {"duplicate"}
            assert len(ledger.live()) == len(rows)

    @pytest.mark.parametrize("seed", range(4))
    def test_overlapping_files_in_any_order_are_the_whole_account(self, world: World, seed: int) -> None:
        account_id = self._checking(world)
        dice = Random(seed)  # noqa: S311 - reproducibility is the point
        for writer in self.case.writers.values():
            days = range(-_HISTORY_DAYS - 2, 1, dice.randint(3, 9))
            starts = [_START + timedelta(days=offset) for offset in days]
            files = [writer(world, account_id, on, on + timedelta(days=12)) for on in starts]
            dice.shuffle(files)
            ledger = MemoryLedger(self.case.spec.id_trust)
            for content in files:
                ledger.take(self._read(content).batch.transactions)
            truth = world.truth(account_id).settled
            assert ledger.multiset() == Counter((row.booked_on, row.amount) for row in truth)

    @pytest.mark.parametrize("tenth", range(1, 10))
    def test_truncated_file_is_an_error(self, world: World, tenth: int) -> None:
        for writer in self.case.writers.values():
            content = self._whole(world, self._checking(world), writer)
            with pytest.raises(ProviderValidationError):
                self._read(content[: len(content) * tenth // 10])

    def test_limits_are_errors_and_not_cuts(self, world: World) -> None:
        for writer in self.case.writers.values():
            content = self._whole(world, self._checking(world), writer)
            count = self._read(content).rows_read
            self._read(content, limits=ImportLimits(max_bytes=len(content), max_rows=count, max_statements=1))
            for limits in (
                ImportLimits(max_bytes=len(content) - 1),
                ImportLimits(max_rows=count - 1),
                ImportLimits(max_statements=0),
            ):
                with pytest.raises(ProviderValidationError):
                    self._read(content, limits=limits)

    @pytest.mark.parametrize("content", [b"", b"\x00" * 1000, b"<html></html>", b"%PDF-1.7", b"\xff\xfe\x00"])
    def test_file_that_is_no_statement_is_the_typed_error(self, content: bytes) -> None:
        with pytest.raises(ProviderValidationError) as caught:
            self._read(content)
        assert caught.value.code == caught.value.code.lower()
        assert caught.value.message

    @pytest.mark.parametrize("seed", range(10))
    def test_fifty_mutated_files_give_a_result_or_the_typed_error(self, world: World, seed: int) -> None:
        dice = Random(seed)  # noqa: S311 - reproducibility is the point
        writers = list(self.case.writers.values())
        statements = [self._whole(world, account_id, writer) for account_id in world.accounts for writer in writers]
        for _ in range(50):
            try:
                file = self._read(_mutate(dice.choice(statements), dice), allow_truncated=dice.random() < 0.5)
            except ProviderValidationError as error:
                assert error.message
            else:
                self._check_counts(file)

    def test_golden_files_are_read_as_their_author_says(self) -> None:
        if self.case.golden is None:
            pytest.fail(
                "golden=Path(...) names the folder of the author's samples: statement.ext beside statement.json"
            )
        expected = sorted(self.case.golden.glob("*.json"))
        assert expected, f"no samples in {self.case.golden}"
        for path in expected:
            (sample,) = [one for one in self.case.golden.glob(f"{path.stem}.*") if one.suffix != ".json"]
            assert _facts(self._read(sample.read_bytes(), file_name=sample.name)) == json.loads(path.read_text("utf-8"))


def _mutate(content: bytes, dice: Random) -> bytes:
    for _ in range(dice.randint(1, 4)):
        at, length = dice.randrange(len(content) + 1), dice.randint(1, 40)
        kind = dice.randrange(4)
        if kind == 0:
            content = content[:at] + bytes(dice.randrange(256) for _ in range(length)) + content[at + length :]
        elif kind == 1:
            content = content[:at] + content[at + length :]
        elif kind == 2:
            content = content[:at] + content[at : at + length] * 2 + content[at + length :]
        else:
            content = content[: max(1, at)]
    return content


def _by_id(file: StatementFile) -> dict[str | None, ProviderTransactionData]:
    """Return the rows without their raw payloads, which know the lines of the file."""
    return {row.provider_transaction_id: replace(row, raw_data=None) for row in file.batch.transactions}


def _facts(file: StatementFile) -> dict[str, Any]:
    """Return what a golden file states, in JSON's types; amounts are texts."""
    return {
        "accounts": [
            {
                "account_type": one.account_type,
                "currency": one.currency,
                "number": one.account_number_masked,
                "balance": str(one.balance) if one.balance_known else None,
            }
            for one in file.batch.accounts
        ],
        "transactions": [
            {
                "id": one.provider_transaction_id,
                "date": one.transaction_date.isoformat(),
                "amount": str(one.amount),
                "type": f"{one.transaction_type}/{one.subtype}",
                "description": one.description,
            }
            for one in file.batch.transactions
        ],
        "rejected": [{"reason": one.reason.value, "field": one.field} for one in file.batch.rejected],
    }


def importer_contract(
    spec: ImporterSpec, writers: Mapping[str, StatementWriter], *, golden: Path | None = None
) -> type[ImporterContract]:
    """Return a test class for an importer; assign it to a name that begins with `Test`.

    Args:
        spec: the importer.
        writers: what the simulated banks write in this format, by dialect; `STATEMENTS` of `importers/<slug>/sandbox`.
        golden: a folder of samples by the author: a statement and beside it, under the same name, a JSON file with
            its `accounts`, `transactions` and `rejected`. Without samples the suite fails, and says so.
    """
    DECLARED_IMPORTERS.add(spec.slug)
    case = ImporterCase(spec=spec, writers=dict(writers), golden=golden)
    return type(f"Test{spec.slug.title().replace('_', '')}", (ImporterContract,), {"case": case})
