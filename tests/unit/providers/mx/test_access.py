"""Does a token of ours open one login, for those who were given it, and nothing else?"""

import pickle

import pytest

from bursar.ports.errors import ProviderAuthenticationError
from bursar.ports.provider import Credentials
from bursar.providers.mx.access import Access, Seal

KEY = "an-api-key"


@pytest.fixture
def access(shapes) -> Access:
    return Access(shapes.user, shapes.member)


def test_token_opens_the_login_that_it_was_made_for(access):
    token = Seal(KEY).access_token(access)
    assert Seal(KEY).open(Credentials.of(token)) == access
    assert access.user not in token
    assert access.user not in repr(access)


def test_stored_ids_open_without_a_token_so_a_new_api_key_ends_no_connection(access):
    stored = Credentials(
        {"access_token": Seal(KEY).access_token(access), "user_guid": access.user, "member_guid": access.member}
    )
    assert Seal("another key").open(stored) == access


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: token.partition(".")[0] + ".",
        lambda token: token.removeprefix("mx-access-"),
        lambda token: "mx-access-" + token,
        lambda token: "mx-access-!!!.é",
        lambda token: "mx-access-",
        lambda token: "unknown",
    ],
)
def test_altered_token_is_refused_and_says_what_to_do(access, spoil):
    token = spoil(Seal(KEY).access_token(access))
    with pytest.raises(ProviderAuthenticationError, match="Connect the bank again") as caught:
        Seal(KEY).open(Credentials.of(token))
    assert caught.value.needs_user
    assert token not in str(caught.value) or token in ("unknown", "mx-access-")


def test_token_of_another_api_key_is_refused(access):
    with pytest.raises(ProviderAuthenticationError):
        Seal("another").open(Credentials.of(Seal(KEY).access_token(access)))


@pytest.mark.parametrize(
    "values",
    [
        {"user_guid": "USR-1"},
        {"user_guid": "me", "member_guid": "MBR-1"},
        {"user_guid": "USR-1", "member_guid": "../x"},
    ],
)
def test_ids_that_are_none_of_mxs_are_refused(values):
    with pytest.raises(ProviderAuthenticationError):
        Seal(KEY).open(Credentials(values))


def test_link_token_is_the_address_with_a_seal_that_is_never_sent(access):
    token = Seal(KEY).link_token("https://widgets.example/abc", access.user, "ada")
    address, _, mark = token.partition("#")
    assert address == "https://widgets.example/abc"
    assert Seal(KEY).open_link(token, "ada") == access.user
    assert Seal(KEY).open_link(f"#{mark}", "ada") == access.user
    # What opens a login opens no link, and the other way round; and nobody opens another's.
    for text, reference in ((Seal(KEY).access_token(access), "ada"), (address, "ada"), (token, "ben"), (token, "")):
        with pytest.raises(ProviderAuthenticationError, match="Start it again") as caught:
            Seal(KEY).open_link(text, reference)
        assert caught.value.code == "sign_in_refused"


def test_seal_is_not_pickled():
    with pytest.raises(TypeError):
        pickle.dumps(Seal(KEY))
