"""What becomes of rows, numbers and answers that are not as they should be?"""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any, cast

import pytest

from bursar.domain.connections import ProviderCapability
from bursar.domain.sync import RecordKind
from bursar.ports.errors import ProviderError, ProviderInvalidResponseError, ProviderUnsupportedError
from bursar.testing.damage import (
    BAD_NUMBERS,
    DAMAGES,
    LONG_NUMBERS,
    Place,
    as_number,
    decode,
    encode,
    mutate,
    places,
    raw,
)
from bursar.testing.loopback import Answer, Tamper
from bursar.testing.provider_stage import ProviderStage, Reading

_RIGHT_OF_GROUPED = Decimal("1234.50")
_LIMIT_S = 20


def _changing(changed: Answer, body: bytes) -> Tamper:
    return lambda answer: answer.saying(body) if answer.question == changed.question else answer


async def _baseline(stage: ProviderStage) -> tuple[Reading, list[Answer]]:
    """Return an undisturbed reading and every answer that it was made of."""
    stage.wire.answers.clear()
    reading = await stage.read()
    return reading, list(stage.wire.answers)


def _damaged(answers: list[Answer], name: str) -> Iterator[tuple[Answer, Place, bytes]]:
    for answer in answers:
        for place in places(decode(answer.body)):
            body = decode(answer.body)
            DAMAGES[name](place, body)
            yield answer, place, encode(body)


def _texts(row: dict[str, Any]) -> set[str]:
    return {value for value in row.values() if isinstance(value, str)}


class RecordPromises:
    """Scenarios about unreadable answers; `stage` is connected."""

    @pytest.mark.parametrize("damage", sorted(DAMAGES))
    async def test_row_with_a_damaged_member_is_read_or_rejected_and_the_rest_is_intact(
        self, stage: ProviderStage, damage: str
    ) -> None:
        baseline, answers = await _baseline(stage)
        rejected_count = 0
        for answer, place, body in _damaged(answers, damage):
            with stage.tampering(_changing(answer, body)):
                reading = await stage.read()
            self._check_rest_intact(baseline, reading, place, decode(answer.body), f"{answer.path} {place}")
            rejected_count += len(reading.rejected)
        assert rejected_count, "no member of any row is required"

    @staticmethod
    def _check_rest_intact(before: Reading, after: Reading, place: Place, body: Any, where: str) -> None:
        victim = _texts(place.find_row(body))
        for record in after.rejected:
            assert record.field, where
            assert len(record.redacted_excerpt) <= 200, where
        # An account that does not tell its rows is no damage, as long as the reading says so.
        silent = {one.provider_id for batch in after.batches for one in batch.warnings if one.code == "not_offered"}
        gone = {
            key
            for known, now in (
                (before.accounts, after.accounts),
                (before.transactions, after.transactions),
                (before.holdings, after.holdings),
            )
            for key in known.keys() - now.keys()
            if getattr(known[key], "provider_account_id", None) not in silent
        }
        # What belongs to an account that could not be read is not read either; the account stands for it.
        has_lost_account = any(record.kind is RecordKind.ACCOUNT for record in after.rejected)
        if not has_lost_account:
            assert len(gone) <= len(after.rejected), f"{where}: {len(gone)} gone, {len(after.rejected)} rejected"
        own_rows = victim & before.transactions.keys()
        if own_rows and not has_lost_account:
            vanished = before.transactions.keys() - after.transactions.keys()
            changed = {key for key, row in after.transactions.items() if before.transactions.get(key) != row}
            assert vanished | (changed & before.transactions.keys()) <= own_rows, where

    @pytest.mark.parametrize("value", BAD_NUMBERS, ids=lambda value: str(value).replace("raw-token:", "bare_"))
    async def test_number_that_is_none_is_rejected_and_never_zero(self, stage: ProviderStage, value: Any) -> None:
        baseline, answers = await _baseline(stage)
        assert baseline.accounts
        for answer in answers:
            for place in places(decode(answer.body)):
                body = decode(answer.body)
                if as_number(place.get(body)) is None:
                    continue
                place.put(body, value)
                with stage.tampering(_changing(answer, encode(body))):
                    try:
                        reading = await stage.read()
                    except ProviderInvalidResponseError:
                        # A bare word makes the whole answer something else than JSON.
                        assert str(value).startswith("raw-token:")
                        continue
                self._check_no_zero(baseline, reading, f"{answer.path} {place}")

    @staticmethod
    def _check_no_zero(before: Reading, after: Reading, where: str) -> None:
        for key, row in after.transactions.items():
            known = before.transactions.get(key)
            if known is not None:
                assert row.amount == known.amount or abs(row.amount) == _RIGHT_OF_GROUPED, where
        for key, account in after.accounts.items():
            if account.balance_known:
                known_balance = before.accounts[key].balance
                assert account.balance == known_balance or abs(account.balance) == _RIGHT_OF_GROUPED, where
        for key, holding in after.holdings.items():
            if key in before.holdings:
                known_quantity = before.holdings[key].quantity
                assert holding.quantity == known_quantity or abs(holding.quantity) == _RIGHT_OF_GROUPED, where

    @pytest.mark.parametrize("digits", LONG_NUMBERS)
    async def test_numbers_keep_their_digits(self, stage: ProviderStage, digits: str) -> None:
        baseline, answers = await _baseline(stage)
        found = 0
        scale = stage.case.amount_scale
        # Of whole numbers it is the same digits without the point, which no float holds either.
        written = str(int(digits.replace(".", ""))) if scale else digits
        amounts = {abs(row.amount) for row in baseline.transactions.values()}
        amounts |= {abs(account.balance) for account in baseline.accounts.values()}
        for answer in answers:
            for place in places(decode(answer.body)):
                body = decode(answer.body)
                present = place.get(body)
                number = as_number(present)
                if number is None or abs(number).scaleb(-scale) not in amounts:
                    continue
                # A bare token is written as it is; a whole number that fits needs none.
                place.put(body, written if isinstance(present, str) else int(written) if scale else raw(written))
                with stage.tampering(_changing(answer, encode(body))):
                    reading = await stage.read()
                told = [row.amount for row in reading.transactions.values()]
                told += [account.balance for account in reading.accounts.values()]
                found += any(abs(amount) == Decimal(written).scaleb(-scale) for amount in told)
        assert found, "no amount of the simulator's answers reached a record"

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", b"null", b'"text"', b"7", b"{}", b"<html><body>Scheduled maintenance</body></html>", b"\xff\xfe{"],
        ids=["empty", "list", "null", "text", "number", "empty_object", "html", "no_utf8"],
    )
    async def test_answer_of_another_kind_is_an_error_and_never_an_empty_success(
        self, stage: ProviderStage, body: bytes
    ) -> None:
        _, answers = await _baseline(stage)
        kind = b"text/html" if body.startswith(b"<") else None
        for changed in answers:

            def say(answer: Answer, changed: Answer = changed) -> Answer:
                return answer.saying(body, content_type=kind) if answer.question == changed.question else answer

            # Where the answer is a bare list, an empty one is of its kind: nothing may be taken back for it.
            if body == b"[]" and isinstance(decode(changed.body), list):
                with stage.tampering(say):
                    await _check_takes_nothing_back(stage)
                continue
            with stage.tampering(say), pytest.raises(ProviderInvalidResponseError):
                await stage.read()

    async def test_truncated_answer_is_an_error(self, stage: ProviderStage) -> None:
        _, answers = await _baseline(stage)
        for answer in answers:
            for length in (1, len(answer.body) // 2, len(answer.body) - 1):
                with (
                    stage.tampering(_changing(answer, answer.body[:length])),
                    pytest.raises(ProviderInvalidResponseError),
                ):
                    await stage.read()

    async def test_missing_envelope_member_is_an_error_or_changes_nothing(self, stage: ProviderStage) -> None:
        baseline, answers = await _baseline(stage)
        refused = 0
        for answer in answers:
            whole = decode(answer.body)
            # A bare list has no envelope.
            for key in list(cast("dict[str, Any]", whole)) if isinstance(whole, dict) else []:
                body = decode(answer.body)
                del body[key]
                with stage.tampering(_changing(answer, encode(body))):
                    try:
                        reading = await stage.read()
                    except ProviderError:
                        refused += 1
                        continue
                known = (baseline.transactions, baseline.accounts.keys(), baseline.holdings, baseline.rejected)
                now = (reading.transactions, reading.accounts.keys(), reading.holdings, reading.rejected)
                assert now == known, f"{answer.path} without {key}"
        assert refused, "no envelope member is required"

    async def test_zero_quantity_closes_a_position(self, stage: ProviderStage) -> None:
        baseline, _ = await _baseline(stage)
        if not stage.has(ProviderCapability.HOLDINGS):
            account_id = next(iter(baseline.accounts))
            with pytest.raises(ProviderUnsupportedError):
                await stage.adapter.fetch_holdings(stage.credentials, account_id)
            return
        assert baseline.holdings, "the simulator shows no position"
        holding = list(baseline.holdings.values())[-1]
        stage.wire.answers.clear()
        await stage.adapter.fetch_holdings(stage.credentials, holding.provider_account_id)
        answers = list(stage.wire.answers)
        closed = 0
        for answer, place, number in _numbers(answers):
            if number == holding.quantity:
                body = decode(answer.body)
                place.put(body, 0)
                with stage.tampering(_changing(answer, encode(body))):
                    found = await stage.adapter.fetch_holdings(stage.credentials, holding.provider_account_id)
                    listed = {one.provider_holding_id for one in found}
                assert all(one.quantity for one in found)
                closed += any(one not in listed for one in found.closed)
        assert closed, "no quantity of zero was told as a closed position"

    async def test_incomplete_listing_of_positions_says_so(self, stage: ProviderStage) -> None:
        baseline, answers = await _baseline(stage)
        if not stage.has(ProviderCapability.HOLDINGS):
            assert not baseline.holdings
            return
        incomplete = 0
        for answer, _, body in _damaged(answers, "of_the_wrong_type"):
            with stage.tampering(_changing(answer, body)):
                reading = await stage.read()
            missing = {before.provider_account_id for key, before in baseline.holdings.items()
                       if key not in reading.holdings}  # fmt: skip
            listed = {listing.provider_account_id for batch in reading.batches for listing in batch.holdings}
            assert missing & listed <= reading.incomplete_listings, answer.path
            incomplete += bool(missing & listed)
        assert incomplete, "no unreadable position was tried"

    @pytest.mark.parametrize("seed", range(20))
    async def test_twenty_five_mutated_answers_give_a_result_or_a_typed_error(
        self, stage: ProviderStage, seed: int
    ) -> None:
        _, answers = await _baseline(stage)
        dice = Random(seed)  # noqa: S311 - reproducibility is the point
        results = 0
        for _ in range(25):
            answer = dice.choice(answers)
            with stage.tampering(_changing(answer, mutate(answer.body, dice))):
                try:
                    async with asyncio.timeout(_LIMIT_S):
                        await stage.read()
                except ProviderError as error:
                    assert error.message
                    assert error.code == error.code.lower()
                else:
                    results += 1
        assert results < 25, "mutations that change nothing prove nothing"


async def _check_takes_nothing_back(stage: ProviderStage) -> None:
    try:
        reading = await stage.read()
    except ProviderInvalidResponseError:
        return
    told = {row.provider_account_id for row in reading.transactions.values()}
    listed = [listing for batch in reading.batches for listing in batch.listings]
    assert not reading.removed
    assert all(one.since is None for one in listed if one.provider_account_id not in told)
    assert reading.accounts.keys() >= told


def _numbers(answers: list[Answer]) -> Iterator[tuple[Answer, Place, Decimal]]:
    for answer in answers:
        body = decode(answer.body)
        for place in places(body):
            number = as_number(place.get(body))
            if number is not None:
                yield answer, place, number
