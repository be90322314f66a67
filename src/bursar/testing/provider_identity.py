"""Does a provider tell who owns an account: everybody who does, and nobody and nothing else?"""

import logging
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, cast

import pytest

from bursar.domain.connections import ProviderCapability
from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import RecordBatch
from bursar.ports.errors import ProviderAuthenticationError, ProviderError, ProviderNotFoundError
from bursar.ports.identity import IdentityAdapter
from bursar.ports.provider import Credentials
from bursar.sandbox.people import Account, Person
from bursar.testing.damage import DAMAGES, decode, encode, places
from bursar.testing.loopback import Answer
from bursar.testing.provider_stage import ProviderStage

_PLANTED = {"ssn": "900-12-3456", "tax_id": "90-0123456", "tin": "900123456", "date_of_birth": "1961-07-19"}
"""What an institution may add to its answer and what must not come in."""


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _owners_by_account(owners: Iterable[ProviderOwnerData]) -> dict[str, list[ProviderOwnerData]]:
    found: dict[str, list[ProviderOwnerData]] = {}
    for owner in owners:
        found.setdefault(owner.provider_account_id, []).append(owner)
    return found


async def _true_accounts(stage: ProviderStage) -> dict[str, Account]:
    """Return the world's account of each account that the provider shows."""
    accounts = await stage.adapter.fetch_accounts(stage.credentials)
    return {record.provider_account_id: stage.find_account(record) for record in accounts}


def _check_owner(owner: ProviderOwnerData, person: Person) -> None:
    assert set(owner.emails) <= {person.email}
    assert {_digits(phone)[-7:] for phone in owner.phones} <= {_digits(person.phone)[-7:]}
    for address in owner.addresses:
        told = [*address.lines, address.city, address.postal_code, address.country]
        known = f"{person.street} {person.city} {person.postal_code} {person.country}"
        assert all(part in known for part in told if part), "an address that is not the owner's"


def _plant(value: Any) -> Any:
    if isinstance(value, list):
        return [_plant(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _plant(one) for name, one in members.items()} | _PLANTED
    return value


def _private_texts(people: Iterable[Person]) -> set[str]:
    return {text for one in people for text in (one.name, one.email, one.phone, one.street)} | set(_PLANTED.values())


def _check_kept_private(batch: RecordBatch[ProviderOwnerData], private: set[str]) -> None:
    said = repr(batch.rejected) + repr([record.redacted_excerpt for record in batch.rejected])
    said += repr(batch.warnings) + repr(list(batch))
    assert not [text for text in private if text in said], "a person's data stands in what is stored or logged"


class IdentityPromises:
    """Scenarios about owners; `stage` is connected."""

    async def test_owners_are_told_by_whoever_declares_it_and_by_nobody_else(self, stage: ProviderStage) -> None:
        assert isinstance(stage.adapter, IdentityAdapter) == stage.has(ProviderCapability.IDENTITY)

    async def test_each_owner_of_each_account_is_told_and_nobody_else(self, stage: ProviderStage) -> None:
        if not isinstance(stage.adapter, IdentityAdapter):
            return
        batch = await stage.adapter.fetch_owners(stage.credentials)
        assert batch.complete
        assert not batch.rejected
        told = _owners_by_account(batch)
        accounts = await _true_accounts(stage)
        assert told.keys() == accounts.keys()
        assert max(len(account.holders) for account in accounts.values()) > 1, "no account of two owners was tried"
        details = 0
        for account_id, account in accounts.items():
            people = {person.name: person for person in account.holders}
            assert sorted(name for owner in told[account_id] for name in owner.names) == sorted(people)
            for owner in told[account_id]:
                assert owner.names
                _check_owner(owner, people[owner.names[0]])
                details += bool(owner.emails or owner.phones or owner.addresses)
        assert details, "nothing but names was told"

    async def test_owners_of_one_account_are_those_of_the_whole_listing(self, stage: ProviderStage) -> None:
        if not isinstance(stage.adapter, IdentityAdapter):
            return
        everybody = _owners_by_account(await stage.adapter.fetch_owners(stage.credentials))
        for account_id, owners in everybody.items():
            assert list(await stage.adapter.fetch_owners(stage.credentials, account_id)) == owners

    async def test_owners_of_an_account_that_nobody_knows_are_not_found(self, stage: ProviderStage) -> None:
        if not isinstance(stage.adapter, IdentityAdapter):
            return
        with pytest.raises(ProviderNotFoundError):
            await stage.adapter.fetch_owners(stage.credentials, "no-such-account")
        stage.wire.answers.clear()
        with pytest.raises(ProviderAuthenticationError):
            await stage.adapter.fetch_owners(Credentials({}))
        assert stage.count_requests() == 0

    async def test_tax_numbers_and_dates_of_birth_stay_outside(
        self, stage: ProviderStage, caplog: pytest.LogCaptureFixture
    ) -> None:
        if not isinstance(stage.adapter, IdentityAdapter):
            return
        caplog.set_level(logging.DEBUG)
        planted = 0

        def add(answer: Answer) -> Answer:
            nonlocal planted
            planted += 1
            return answer.saying(encode(_plant(decode(answer.body))))

        with stage.tampering(add):
            batch = await stage.adapter.fetch_owners(stage.credentials)
        assert planted
        assert len(batch)
        values = repr([asdict(owner) for owner in batch])
        assert not [text for text in _PLANTED.values() if text in values]
        people = [person for household in stage.world.households for person in household.people]
        _check_kept_private(batch, _private_texts(people))
        assert not [text for text in _private_texts(people) if text in caplog.text]

    @pytest.mark.parametrize("damage", sorted(DAMAGES))
    async def test_damaged_owner_is_rejected_or_an_error_and_never_kept_in_the_clear(
        self, stage: ProviderStage, damage: str
    ) -> None:
        if not isinstance(stage.adapter, IdentityAdapter):
            return
        stage.wire.answers.clear()
        baseline = _owners_by_account(await stage.adapter.fetch_owners(stage.credentials))
        answers = list(stage.wire.answers)
        people = [person for household in stage.world.households for person in household.people]
        names = {person.name for person in people}
        tried = noticed = 0
        for answer in answers:
            for place in places(decode(answer.body)):
                body = decode(answer.body)
                DAMAGES[damage](place, body)

                def spoil(one: Answer, changed: Answer = answer, text: bytes = encode(body)) -> Answer:
                    return one.saying(text) if one.question == changed.question else one

                tried += 1
                with stage.tampering(spoil):
                    try:
                        batch = await stage.adapter.fetch_owners(stage.credentials)
                    except ProviderError:
                        noticed += 1
                        continue
                _check_kept_private(batch, _private_texts(people))
                told = _owners_by_account(batch)
                assert {name for owner in batch for name in owner.names} <= names
                lost = {account for account in baseline if len(told.get(account, [])) < len(baseline[account])}
                assert not lost or batch.rejected, f"{answer.path} {place}: owners were lost in silence"
                noticed += bool(batch.rejected)
        assert tried
        assert noticed, "no member of the answer is required"
