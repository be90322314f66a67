"""Are words read in any case, known by their other names, and reported when nobody knows them?"""

import importlib
import pkgutil
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bursar.domain
from bursar.domain import vocabulary
from bursar.domain.accounts import AccountType
from bursar.domain.connections import ConnectionStatus, CredentialType, ProviderCategory
from bursar.domain.holdings import AssetType
from bursar.domain.sync import SyncStatus
from bursar.domain.transactions import TransactionStatus, TransactionSubtype, TransactionType
from bursar.domain.vocabulary import Vocabulary, observe_unmapped


def vocabularies() -> list[type[Vocabulary]]:
    """Return every vocabulary of the domain."""
    names = [found.name for found in pkgutil.iter_modules(bursar.domain.__path__)]
    members = [member for name in names for member in vars(importlib.import_module(f"bursar.domain.{name}")).values()]
    kinds = {kind for kind in members if isinstance(kind, type) and issubclass(kind, Vocabulary)}
    return sorted(kinds - {Vocabulary}, key=lambda kind: kind.__name__)


ALL = vocabularies()


class Fruit(Vocabulary):
    """A vocabulary with everything."""

    APPLE = "apple"
    UNKNOWN = "unknown"

    @classmethod
    def aliases(cls) -> dict[str, str]:
        return {"pomme": "apple"}

    @classmethod
    def fallback(cls) -> Self | None:
        return cls("unknown")


class Colour(Vocabulary):
    """A vocabulary without fallback."""

    RED = "red"


@pytest.fixture
def unmapped(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return what falls back while a test runs."""
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(vocabulary, "_observers", [])
    observe_unmapped(lambda name, value: seen.append((name, value)))
    return seen


def test_all_vocabularies_of_the_domain_are_found() -> None:
    assert {AccountType, AssetType, ConnectionStatus, CredentialType, SyncStatus, TransactionType} < set(ALL)


@pytest.mark.parametrize("kind", ALL)
def test_every_word_is_lower_case_and_reads_as_itself_in_any_case(kind: type[Vocabulary]) -> None:
    for value in kind.values():
        assert value == value.lower().strip()
        for spelling in (value, value.upper(), value.title(), f"  {value}\n"):
            assert kind(spelling).value == value
            assert kind.is_valid(spelling)


@pytest.mark.parametrize("kind", ALL)
def test_every_alias_leads_to_a_word_and_hides_none(kind: type[Vocabulary]) -> None:
    for alias, value in kind.aliases().items():
        assert alias == alias.lower()
        assert alias not in kind.values()
        assert kind(alias.upper()).value == value


@pytest.mark.parametrize("kind", ALL)
def test_unknown_word_becomes_the_fallback_or_an_error(kind: type[Vocabulary], unmapped: list[tuple[str, str]]) -> None:
    assert not kind.is_valid("no such word")
    assert kind.lookup("no such word") is None
    if kind.fallback() is None:
        with pytest.raises(ValueError, match="no such word"):
            kind("no such word")
        assert unmapped == []
    else:
        assert kind("no such word") is kind.fallback()
        assert unmapped == [(kind.__name__, "no such word")]


@pytest.mark.parametrize(
    ("kind", "fallback"),
    [
        (AccountType, "other"),
        (TransactionType, "other"),
        (TransactionSubtype, "other"),
        (AssetType, "other"),
        (ProviderCategory, "other"),
        (TransactionStatus, None),
        (ConnectionStatus, None),
        (CredentialType, None),
        (SyncStatus, None),
    ],
)
def test_only_kinds_of_things_have_a_fallback_and_states_have_none(
    kind: type[Vocabulary], fallback: str | None
) -> None:
    assert kind.fallback() == fallback


def test_known_words_are_not_reported(unmapped: list[tuple[str, str]]) -> None:
    assert Fruit("Apple") is Fruit.APPLE
    assert Fruit(" POMME ") is Fruit.APPLE
    assert Fruit("unknown") is Fruit.UNKNOWN
    assert unmapped == []


def test_looking_up_never_falls_back_and_never_reports(unmapped: list[tuple[str, str]]) -> None:
    assert Fruit.lookup("pear") is None
    assert Fruit.lookup("pomme") is Fruit.APPLE
    assert unmapped == []


def test_every_observer_hears_the_word_as_it_was_written(unmapped: list[tuple[str, str]]) -> None:
    second: list[str] = []
    observe_unmapped(lambda _name, value: second.append(value))

    assert Fruit("Pear") is Fruit.UNKNOWN
    assert (unmapped, second) == ([("Fruit", "Pear")], ["Pear"])


@pytest.mark.parametrize("value", [None, 5, 1.5, b"apple", ["apple"]])
def test_what_is_no_text_is_an_error_and_never_the_fallback(value: object, unmapped: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="Fruit"):
        Fruit(value)
    assert unmapped == []


@given(st.text())
def test_any_text_is_a_word_or_a_value_error(text: str) -> None:
    if Colour.is_valid(text):
        assert Colour(text) is Colour.RED
    else:
        with pytest.raises(ValueError, match="Colour"):
            Colour(text)


def test_words_are_their_values_wherever_text_is_wanted() -> None:
    assert f"{Fruit.APPLE}" == "apple"
    assert Fruit.APPLE == "apple"
    assert Fruit.values() == ["apple", "unknown"]
