"""How is a login at Sequence connected, with a token or with what a person types in?"""

import shutil
from uuid import UUID

import pytest

from bursar.domain.result import Success
from bursar.providers.sequence.sandbox.reference import EMAIL, PASSWORD, TOTP_SECRET

LOGIN = {"email": EMAIL, "password": PASSWORD, "totp": TOTP_SECRET}


@pytest.fixture
def browser(simulator, monkeypatch) -> None:
    """The login pages are the simulator's, and the browser is the system's."""
    monkeypatch.setenv("SEQUENCE_APP_URL", simulator.origins.app)
    monkeypatch.setenv("SEQUENCE_AUTH_URL", simulator.origins.auth)
    monkeypatch.setenv("SEQUENCE_CHROMIUM_PATH", shutil.which("chromium") or "/usr/bin/chromium")


async def test_login_is_sealed_and_signs_in_by_itself(platform, new_user, bank, browser) -> None:
    user = await new_user()
    begun = await user.call("POST", "/connections", json={"provider": "sequence", "options": {"login": "browser"}})
    assert begun.json()["data"]["connect"]["needs"] == ["email", "password", "totp"]
    connection_id = begun.json()["data"]["id"]
    done = await user.call("POST", "/connections", json={"connection_id": connection_id, "values": LOGIN})
    assert done.status_code == 200, done.text
    assert (done.json()["data"]["status"], done.json()["data"]["expires_at"]) == ("active", None)
    (run,) = await user.get(f"/connections/{connection_id}/syncs")
    outcome = await platform.sync.run(user.tenant_id, UUID(connection_id), UUID(run["id"]))
    assert isinstance(outcome, Success), outcome
    assert len(await user.get("/accounts")) == 8
    async with platform.database.transaction(user.tenant_id) as tx:
        sealed = await (await tx.execute("SELECT sealed FROM connection_credentials")).fetchone()
    assert PASSWORD.encode() not in bytes(sealed[0])
    assert TOTP_SECRET.encode() not in bytes(sealed[0])


async def test_wrong_password_is_refused_and_not_tried_again_at_once(new_user, bank, browser, simulator) -> None:
    user = await new_user()
    body = {"provider": "sequence", "values": LOGIN | {"password": "wrong"}}
    for _ in range(2):
        answer = await user.call("POST", "/connections", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "token_exchange_error")
        assert "wrong" not in answer.text.replace("wrong-", "")
    pages = bank.control.get("/_control/requests").json()
    listed = pages if isinstance(pages, list) else pages["requests"]
    assert len([one for one in listed if one["path"] == "/u/login/password" and one["method"] == "POST"]) == 1


async def test_token_that_ended_asks_for_the_user_and_renewal_goes_on(platform, alice, bank) -> None:
    renewed = bank.issue()
    bank.fault("status", "SelectSourceAndDestination", status=401)
    assert not isinstance(await platform.sync.sync_now(alice.tenant_id, alice.connection_id), Success)
    shown = await alice.get(f"/connections/{alice.connection_id}")
    assert (shown["state"], shown["reason"]) == ("needs_user", "token_expired")
    refused = await alice.ask("5")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "reauthentication_required")
    body = {"connection_id": str(alice.connection_id), "values": {"access_token": renewed}}
    assert (await alice.call("POST", "/connections", json=body)).json()["data"]["state"] != "needs_user"
    assert (await alice.send("5"))["status"] == "completed"


async def test_value_that_would_be_dropped_is_refused_by_its_name(new_user, bank) -> None:
    """A refresh token is kept nowhere: taken in silence, it would seem to renew the connection."""
    user = await new_user()
    values = {"access_token": bank.issue(), "refresh_token": "canary"}
    answer = await user.call("POST", "/connections", json={"provider": "sequence", "values": values})
    assert answer.status_code == 400
    assert "access_token, email, password, totp, kyc_id" in answer.text
    assert "canary" not in answer.text
    assert bank.asked("SelectSourceAndDestination") == []


async def test_login_is_preferred_to_a_token_that_ends(new_user, bank, browser) -> None:
    user = await new_user()
    values = {"access_token": bank.issue(), **LOGIN}
    done = await user.call("POST", "/connections", json={"provider": "sequence", "values": values})
    assert done.status_code == 201, done.text
    assert (done.json()["data"]["status"], done.json()["data"]["expires_at"]) == ("active", None)


@pytest.mark.parametrize("values", [{"access_token": "nonsense"}, {"email": "a", "password": "b"}, {"other": "x"}])
async def test_what_proves_nothing_connects_nothing(new_user, bank, values) -> None:
    user = await new_user()
    answer = await user.call("POST", "/connections", json={"provider": "sequence", "values": values})
    assert answer.status_code == 400, answer.text
    assert await user.get("/accounts") == []
