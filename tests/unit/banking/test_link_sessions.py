"""A session of a link fits one user, one provider, one half hour, and each login once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bursar.banking.exceptions import BankingProviderError, LinkRefusedError
from bursar.banking.link_sessions import LinkSessions
from bursar.banking.selection import derive_link_key

KEY = b"k" * 32


class StoppedClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def sessions(clock) -> LinkSessions:
    return LinkSessions(KEY, "north", clock)


def refused(sessions: LinkSessions, text: str, user_id: str) -> LinkRefusedError:
    with pytest.raises(LinkRefusedError) as caught:
        sessions.check(text, user_id)
    return caught.value


def test_user_who_began_a_link_is_taken_for_half_an_hour(sessions, clock) -> None:
    session = sessions.begin("ada")
    assert session.ends_at == clock.at + timedelta(minutes=30)
    clock.at += timedelta(minutes=30) - timedelta(seconds=1)
    assert sessions.check(session.text, "ada") == session
    clock.at += timedelta(seconds=1)
    late = refused(sessions, session.text, "ada")
    assert (late.code, late.provider) == ("link_expired", "north")
    assert "Begin a new one" in late.message


def test_another_user_and_a_made_up_session_are_refused_alike(sessions, clock) -> None:
    text = sessions.begin("ada").text
    ends_at, dice, seal = text.split(".")
    others = [
        (text, "ben"),
        (text, ""),
        (text, "ada "),
        (f"{int(ends_at) + 60}.{dice}.{seal}", "ada"),
        (f"{ends_at}.{dice}.{seal[:-1]}", "ada"),
        (f"{ends_at}.{dice}.é", "ada"),
        ("", "ada"),
        ("x", "ada"),
        (LinkSessions(KEY, "south", clock).begin("ada").text, "ada"),
        (LinkSessions(b"other", "north", clock).begin("ada").text, "ada"),
    ]
    told = {(error.code, error.message) for error in (refused(sessions, *each) for each in others)}
    assert len(told) == 1
    ((code, message),) = told
    assert code == "sign_in_refused"
    assert "Begin a new one" in message
    assert not any(word in message for word in ("ada", "ben", dice))


def test_session_says_nothing_of_its_user_and_no_two_are_equal(sessions) -> None:
    first, second = sessions.begin("ada@example.com").text, sessions.begin("ada@example.com").text
    assert first != second
    assert "ada" not in first
    assert KEY.decode() not in repr(sessions)


def test_each_login_is_let_in_once(sessions, clock) -> None:
    session = sessions.begin("ada")
    sessions.end(session, "login-1")
    # One visit may bring several.
    sessions.end(session, "login-2")
    for item_id in ("login-1", "login-2"):
        with pytest.raises(LinkRefusedError) as caught:
            sessions.end(session, item_id)
        assert caught.value.code == "link_expired"
    sessions.end(sessions.begin("ada"), "login-1")
    clock.at += timedelta(minutes=31)
    sessions.end(sessions.begin("ada"), None)
    assert len(sessions._ended) == 1


def test_any_process_with_the_same_secrets_takes_a_session_back(tmp_path: Path, clock) -> None:
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(b"\xffone")
    settings = {"north_private_key_path": str(key_file), "north_environment": "production"}
    key = derive_link_key(settings)
    assert key is not None
    assert derive_link_key({**settings, "north_environment": "sandbox"}) == key
    key_file.write_bytes(b"\xfftwo")
    assert derive_link_key(settings) != key
    assert derive_link_key({"north_secret": "a"}) != derive_link_key({"north_secret": "b"})
    assert derive_link_key({"north_application_id": "app-1"}) is None
    # What anybody can work out is no key: neither nothing, nor what the bank shows to everybody.
    assert derive_link_key({"north_private_key_path": str(tmp_path / "none.pem")}) is None
    (tmp_path / "certificate.pem").write_text("shown to everybody")
    assert derive_link_key({"north_certificate_path": str(tmp_path / "certificate.pem")}) is None
    text = LinkSessions(key, "north", clock).begin("ada").text
    assert LinkSessions(key, "north", clock).check(text, "ada")


def test_refusal_is_one_of_the_family() -> None:
    assert issubclass(LinkRefusedError, BankingProviderError)
    assert not LinkRefusedError.retryable
