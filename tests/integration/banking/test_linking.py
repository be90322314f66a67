"""Who begins a link ends it: through the routes, over real HTTP, at every provider."""

import json
from datetime import timedelta

import pytest
from fastapi import FastAPI, Request
from tests.integration.banking.test_every_provider import FACES, Stage, open_stage

from bursar.banking import add_banking, easy_banking
from bursar.banking.exceptions import LinkRefusedError
from bursar.models import LinkStart

HOOKS = "https://app.example/banking/webhooks/plaid"


@pytest.fixture(params=sorted(FACES))
def stage(request):
    with open_stage(request.param) as stage:
        yield stage


@pytest.fixture
def plaid():
    with open_stage("plaid") as stage:
        yield stage


@pytest.fixture
async def client(stage, serve):
    return await serve(mounted(stage))


def mounted(stage: Stage, **options) -> FastAPI:
    app = FastAPI()
    add_banking(app, stage.banking, rate_limit=None, **options)
    return app


async def begin(client, user_id: str) -> LinkStart:
    begun = await client.post("/banking/link", json={"user_id": user_id})
    assert begun.status_code == 200, begun.text
    return LinkStart.model_validate(begun.json())


def is_refused(answer, code: str) -> bool:
    body = answer.json()
    assert answer.status_code == 403, answer.text
    assert (body["code"], body["retryable"]) == (code, False)
    assert "egin a new one" in body["detail"] or "Start it again" in body["detail"]
    return "access_token" not in body


async def test_what_one_user_brings_back_is_taken_from_nobody_else(stage, client) -> None:
    ada, ben = await begin(client, "ada"), await begin(client, "ben")
    values = stage.sign_in(ada)
    asked = len(stage.wire.answers)
    stolen = [
        {"user_id": "ben", "link_session": ada.link_session},
        {"user_id": "ada", "link_session": ben.link_session},
        {"user_id": "ada", "link_session": "made.up"},
    ]
    told = set()
    for each in stolen:
        answer = await client.post("/banking/exchange", json={**each, **values})
        assert is_refused(answer, "sign_in_refused")
        assert not any(value in answer.text for value in (*values.values(), ada.link_session, ben.link_session))
        told.add(answer.text)
    assert len(told) == 1
    assert len(stage.wire.answers) == asked
    # Nothing was used up by the attempts.
    brought = {"user_id": "ada", "link_session": ada.link_session, **values}
    done = await client.post("/banking/exchange", json=brought)
    assert done.status_code == 200, done.text
    headers = client.as_user(done.json()["access_token"])
    assert (await client.get("/banking/accounts", headers=headers)).status_code == 200
    again = await client.post("/banking/exchange", json=brought)
    # Plaid refuses a used token itself.
    assert again.status_code == (401 if stage.slug == "plaid" else 403), again.text
    assert again.json()["code"] == "link_expired"


async def test_what_one_user_brings_back_is_taken_from_nobody_elses_own_link(stage, serve) -> None:
    client = await serve(mounted(stage, webhook_url=HOOKS if stage.slug == "plaid" else None))
    ada, ben = await begin(client, "ada"), await begin(client, "ben")
    values = stage.sign_in(ada)
    brought = {"user_id": "ben", "link_session": ben.link_session, **values}
    assert is_refused(await client.post("/banking/exchange", json=brought), "sign_in_refused")


async def test_item_of_another_users_link_is_removed_at_plaid_and_the_own_one_works(plaid, serve) -> None:
    client = await serve(mounted(plaid, webhook_url=HOOKS))
    ada, ben = await begin(client, "ada"), await begin(client, "ben")
    stolen = {"user_id": "ben", "link_session": ben.link_session, **plaid.sign_in(ada)}
    assert is_refused(await client.post("/banking/exchange", json=stolen), "sign_in_refused")
    assert plaid.wire.answers[-1].path == "/plaid/item/remove"
    own = {"user_id": "ben", "link_session": ben.link_session, **plaid.sign_in(ben)}
    assert (await client.post("/banking/exchange", json=own)).status_code == 200


async def test_link_that_took_too_long_is_begun_anew(stage, client) -> None:
    start = await begin(client, "ada")
    assert start.expires_at is not None
    assert start.expires_at <= stage.world.now + timedelta(minutes=30)
    values = stage.sign_in(start)
    stage.world.advance(timedelta(minutes=31))
    brought = {"user_id": "ada", "link_session": start.link_session, **values}
    assert is_refused(await client.post("/banking/exchange", json=brought), "link_expired")


async def test_another_process_with_the_same_settings_ends_a_link(plaid, serve) -> None:
    first = await serve(mounted(plaid))
    start = await begin(first, "ada")
    published = {f"PLAID_{name}".upper(): one for name, one in plaid.server.credentials().items()}
    with easy_banking("plaid", environ=published, clock=plaid.world.clock) as elsewhere:
        assert elsewhere._links.check(start.link_session, "ada")
        with pytest.raises(LinkRefusedError):
            elsewhere._links.check(start.link_session, "ben")


async def test_application_that_knows_its_users_believes_nobody_elses_word(plaid, serve) -> None:
    async def signed_in(request: Request) -> str | None:
        return request.headers.get("x-user")

    client = await serve(mounted(plaid, link_user=signed_in))
    ada, ben = {"x-user": "ada"}, {"x-user": "ben"}
    nobody = await client.post("/banking/link", json={"user_id": "ada"})
    assert (nobody.status_code, nobody.json()["code"]) == (401, "auth_required")
    claimed = await client.post("/banking/link", json={"user_id": "ada"}, headers=ben)
    assert (claimed.status_code, claimed.json()["field"]) == (403, "user_id")
    start = LinkStart.model_validate((await client.post("/banking/link", json={}, headers=ada)).json())
    brought = {"link_session": start.link_session, **plaid.sign_in(start)}
    assert (await client.post("/banking/exchange", json=brought)).status_code == 401
    assert is_refused(await client.post("/banking/exchange", json=brought, headers=ben), "sign_in_refused")
    lied = {**brought, "user_id": "ada"}
    assert (await client.post("/banking/exchange", json=lied, headers=ben)).status_code == 403
    assert (await client.post("/banking/exchange", json=brought, headers=ada)).status_code == 200


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "text/json"])
async def test_body_that_a_foreign_page_may_send_unasked_is_refused(plaid, serve, kind) -> None:
    client = await serve(mounted(plaid))
    headers = {} if kind is None else {"content-type": kind}
    for path, body in (("/link", {"user_id": "ada"}), ("/exchange", {"user_id": "ada", "link_session": "s"})):
        answer = await client.post(f"/banking{path}", content=json.dumps(body).encode(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert plaid.wire.answers == []


async def test_renewal_has_no_session_because_nothing_is_exchanged(plaid, serve) -> None:
    client = await serve(mounted(plaid))
    start = await begin(client, "ada")
    brought = {"user_id": "ada", "link_session": start.link_session, **plaid.sign_in(start)}
    token = (await client.post("/banking/exchange", json=brought)).json()["access_token"]
    renewed = await client.post("/banking/link", json={"user_id": "ada", "update": True}, headers=client.as_user(token))
    assert (renewed.status_code, renewed.json()["link_session"]) == (200, None)


async def test_words_of_python_among_the_values_are_values(plaid, serve) -> None:
    client = await serve(mounted(plaid))
    start = await begin(client, "ada")
    brought = {"user_id": "ada", "link_session": start.link_session, "self": "x", **plaid.sign_in(start)}
    assert (await client.post("/banking/exchange", json=brought)).status_code == 200
