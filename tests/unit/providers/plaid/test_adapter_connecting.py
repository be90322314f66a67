import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bursar.domain.connections import CredentialType
from bursar.domain.time import SystemClock
from bursar.ports import errors as ports
from bursar.ports.links import mark_of
from bursar.ports.provider import (
    ConnectCompletion,
    ConnectRequest,
    Credentials,
    ProviderAdapter,
    ProviderContext,
)
from bursar.providers.plaid.adapter import PROVIDER, PlaidAdapter
from bursar.providers.plaid.failures import failures
from bursar.providers.plaid.sdk import errors as sdk

CREDENTIALS = Credentials({"access_token": "access-1", "item_id": "it-1"})


@pytest.fixture
def adapter(client, still) -> PlaidAdapter:
    return PlaidAdapter(client, still)


async def test_new_connection_starts_with_a_link_token(adapter, wire) -> None:
    wire.answers["/link/token/create"] = {"link_token": "link-1", "expiration": "2026-11-21T16:00:00Z"}
    start = await adapter.begin(
        ConnectRequest(
            connection_id="c-1",
            user_reference="u-1",
            webhook_url="https://app.example/hooks/plaid",
            options={"country_codes": "US, CA"},
        )
    )
    assert (start.link_token, start.needs) == ("link-1", ("public_token",))
    assert start.expires_at == datetime(2026, 11, 21, 16, tzinfo=UTC)
    body = wire.calls[0][1]
    assert body["country_codes"] == ["US", "CA"]
    assert body["webhook"] == f"https://app.example/hooks/plaid?link={mark_of('u-1')}"
    assert body["transactions"] == {"days_requested": 730}
    assert "link-1" not in repr(start)


async def test_renewal_opens_update_mode_and_needs_nothing_back(adapter, wire) -> None:
    wire.answers["/link/token/create"] = {"link_token": "link-1", "expiration": "2026-11-21T16:00:00Z"}
    start = await adapter.begin(ConnectRequest(connection_id="c-1", user_reference="u-1", renew=CREDENTIALS))
    assert start.needs == ()
    assert wire.calls[0][1]["access_token"] == "access-1"
    assert "products" not in wire.calls[0][1]


async def test_user_may_choose_accounts_in_update_mode_where_that_is_asked_for(adapter, wire) -> None:
    wire.answers["/link/token/create"] = {"link_token": "link-1", "expiration": "2026-11-21T16:00:00Z"}
    asked = ConnectRequest(connection_id="c-1", user_reference="u-1", renew=CREDENTIALS, selects_accounts=True)
    await adapter.begin(asked)
    assert wire.calls[-1][1]["update"] == {"account_selection_enabled": True}
    await adapter.begin(replace(asked, selects_accounts=False))
    assert "update" not in wire.calls[-1][1]


async def test_public_token_becomes_credentials(adapter, wire, shapes) -> None:
    wire.answers["/item/public_token/exchange"] = {"access_token": "access-9", "item_id": "it-9"}
    wire.answers["/item/get"] = {"item": {**shapes.item, "consent_expiration_time": "2027-01-01T00:00:00Z"}}
    made = await adapter.complete(ConnectCompletion(values={"public_token": "public-1"}))
    assert dict(made.credentials) == {"access_token": "access-9", "item_id": "it-9", "institution_id": "ins_109508"}
    assert (made.external_login_id, made.institution_name) == ("it-9", "First Platypus Bank")
    assert (made.environment, made.scopes) == ("sandbox", ("transactions",))
    assert made.dates.refresh_expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert made.dates.expires_at is None
    assert "access-9" not in repr(made)


def hooks_of(user: str, query: str = "") -> str:
    return f"https://app.example/hooks/plaid?{query}link={mark_of(user)}"


async def test_item_that_was_linked_for_another_user_is_refused_and_removed(adapter, wire, shapes) -> None:
    wire.answers["/item/public_token/exchange"] = {"access_token": "access-9", "item_id": "it-9"}
    wire.answers["/item/get"] = {"item": {**shapes.item, "webhook": hooks_of("u-1")}}
    wire.answers["/item/remove"] = {}
    completion = ConnectCompletion(values={"public_token": "public-1"}, user_reference="u-2")
    with pytest.raises(ports.ProviderAuthenticationError, match="Start it again") as caught:
        await adapter.complete(completion)
    assert (caught.value.code, caught.value.provider) == ("sign_in_refused", "plaid")
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(text in shown for text in ("access-9", "public-1", "it-9", mark_of("u-1")))
    # Nobody else has its token: it would live, and be billed, for ever.
    assert wire.calls[-1] == ("/item/remove", {"access_token": "access-9"})
    wire.answers["/item/remove"] = shapes.refusal("API_ERROR", "INTERNAL_SERVER_ERROR", 500)
    with pytest.raises(ports.ProviderAuthenticationError):
        await adapter.complete(completion)


@pytest.mark.parametrize(
    ("webhook", "user"),
    [
        (hooks_of("u-1"), "u-1"),
        (hooks_of("u-1", "tenant=7&"), "u-1"),
        # Nothing says for whom it was linked, or nobody says who asks.
        (None, "u-1"),
        ("https://app.example/hooks/plaid", "u-1"),
        (hooks_of("u-1"), ""),
    ],
)
async def test_item_that_was_linked_for_this_user_is_taken(adapter, wire, shapes, webhook, user) -> None:
    wire.answers["/item/public_token/exchange"] = {"access_token": "access-9", "item_id": "it-9"}
    wire.answers["/item/get"] = {"item": {**shapes.item, "webhook": webhook}}
    made = await adapter.complete(ConnectCompletion(values={"public_token": "public-1"}, user_reference=user))
    assert made.external_login_id == "it-9"


async def test_mark_of_the_user_stands_beside_what_the_address_has(adapter, wire) -> None:
    wire.answers["/link/token/create"] = {"link_token": "link-1", "expiration": "2026-11-21T16:00:00Z"}
    asked = ConnectRequest(connection_id="c-1", user_reference="u-1", webhook_url="https://a.example/h?tenant=7")
    await adapter.begin(asked)
    assert wire.calls[-1][1]["webhook"] == f"https://a.example/h?tenant=7&link={mark_of('u-1')}"


async def test_outage_after_the_exchange_does_not_lose_the_only_copy_of_the_token(adapter, wire, shapes) -> None:
    wire.answers["/item/public_token/exchange"] = {"access_token": "access-9", "item_id": "it-9"}
    wire.answers["/item/get"] = shapes.refusal("API_ERROR", "INTERNAL_SERVER_ERROR", 500)
    made = await adapter.complete(ConnectCompletion(values={"public_token": "public-1"}))
    assert dict(made.credentials) == {"access_token": "access-9", "item_id": "it-9"}
    assert made.institution_id is None


async def test_used_public_token_sends_the_user_back_to_the_start(adapter, wire, shapes) -> None:
    wire.answers["/item/public_token/exchange"] = shapes.refusal("INVALID_INPUT", "INVALID_PUBLIC_TOKEN")
    with pytest.raises(ports.ProviderAuthenticationError) as caught:
        await adapter.complete(ConnectCompletion(values={"public_token": "public-1"}))
    assert caught.value.code == "link_expired"


async def test_completion_without_a_public_token_is_refused_without_a_call(adapter, wire) -> None:
    with pytest.raises(ports.ProviderValidationError) as caught:
        await adapter.complete(ConnectCompletion(values={}))
    assert caught.value.field == "public_token"
    assert wire.calls == []


async def test_renewed_item_keeps_its_access_token(adapter, wire, shapes) -> None:
    wire.answers["/item/get"] = {"item": shapes.item}
    made = await adapter.complete(ConnectCompletion(values={}, renew=CREDENTIALS))
    assert made.credentials["access_token"] == "access-1"
    assert wire.paths() == ["/item/get"]


async def test_item_that_is_still_broken_is_not_renewed(adapter, wire, shapes) -> None:
    state = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED", "error_message": "x"}
    wire.answers["/item/get"] = {"item": {**shapes.item, "error": state}}
    with pytest.raises(ports.ProviderAuthenticationError):
        await adapter.complete(ConnectCompletion(values={}, renew=CREDENTIALS))
    with pytest.raises(ports.ProviderAuthenticationError):
        await adapter.validate(CREDENTIALS)


@pytest.mark.parametrize("code", [None, ("INVALID_INPUT", "INVALID_ACCESS_TOKEN"), ("ITEM_ERROR", "ITEM_NOT_FOUND")])
async def test_revoking_returns_also_when_the_item_is_gone(adapter, wire, shapes, code) -> None:
    wire.answers["/item/remove"] = shapes.refusal(*code) if code else {}
    await adapter.revoke(CREDENTIALS)
    assert wire.paths() == ["/item/remove"]


async def test_revoking_during_an_outage_is_an_error(adapter, wire, shapes) -> None:
    wire.answers["/item/remove"] = shapes.refusal("API_ERROR", "PLANNED_MAINTENANCE", 503)
    with pytest.raises(ports.ProviderUnavailableError):
        await adapter.revoke(CREDENTIALS)


KINDS = [
    ("ITEM_ERROR", "ITEM_LOGIN_REQUIRED", ports.ProviderAuthenticationError, "login_required"),
    ("ITEM_ERROR", "ITEM_NOT_FOUND", ports.ProviderAuthenticationError, "connection_removed"),
    ("ITEM_ERROR", "ITEM_NOT_SUPPORTED", ports.ProviderUnsupportedError, "login_unsupported"),
    ("ITEM_ERROR", "ACCESS_NOT_GRANTED", ports.ProviderAuthorizationError, "consent_insufficient"),
    ("ITEM_ERROR", "NO_ACCOUNTS", ports.ProviderUnsupportedError, "no_accounts"),
    ("ITEM_ERROR", "PRODUCT_NOT_ENABLED", ports.ProviderUnsupportedError, "product_unavailable"),
    ("ITEM_ERROR", "PRODUCT_NOT_READY", ports.ProviderUnavailableError, "not_ready"),
    ("ITEM_ERROR", "BRAND_NEW", ports.ProviderInvalidResponseError, "unexpected_payload"),
    ("INVALID_INPUT", "INVALID_ACCESS_TOKEN", ports.ProviderAuthenticationError, "access_revoked"),
    ("INVALID_INPUT", "INVALID_LINK_TOKEN", ports.ProviderAuthenticationError, "link_expired"),
    ("INVALID_INPUT", "INVALID_API_KEYS", ports.ProviderNotConfiguredError, "provider_not_configured"),
    ("INVALID_INPUT", "INVALID_ACCOUNT_ID", ports.ProviderNotFoundError, "not_found"),
    ("INVALID_INPUT", "ADDITIONAL_CONSENT_REQUIRED", ports.ProviderAuthorizationError, "consent_insufficient"),
    ("INVALID_INPUT", "USER_PERMISSION_REVOKED", ports.ProviderAuthenticationError, "consent_revoked"),
    ("INVALID_REQUEST", "MISSING_FIELDS", ports.ProviderValidationError, "invalid_input"),
    ("INSTITUTION_ERROR", "INSTITUTION_DOWN", ports.ProviderUnavailableError, "institution_down"),
    ("INSTITUTION_ERROR", "UNAUTHORIZED_INSTITUTION", ports.ProviderUnsupportedError, "institution_unsupported"),
    (
        "TRANSACTIONS_ERROR",
        "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION",
        ports.ProviderUnavailableError,
        "data_changing",
    ),
    ("RATE_LIMIT_EXCEEDED", "ACCOUNTS_LIMIT", ports.ProviderRateLimitError, "rate_limited"),
    ("API_ERROR", "INTERNAL_SERVER_ERROR", ports.ProviderUnavailableError, "provider_unavailable"),
    ("SANDBOX_ERROR", "SANDBOX_WEBHOOK_INVALID", ports.ProviderValidationError, "invalid_input"),
    ("NEW_GROUP", "NEW_CODE", ports.ProviderInvalidResponseError, "unexpected_payload"),
]


@pytest.mark.parametrize(("error_type", "upstream", "kind", "code"), KINDS)
async def test_refusal_is_told_by_what_to_do_about_it(adapter, wire, shapes, error_type, upstream, kind, code) -> None:
    wire.answers["/item/get"] = shapes.refusal(error_type, upstream, error_message="canary text")
    with pytest.raises(ports.ProviderError) as caught:
        await adapter.validate(CREDENTIALS)
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.provider, error.upstream_code) == (code, "plaid", upstream)
    assert error.upstream_request_id == "c3Mv9QaT6yHs1Bn"
    assert isinstance(error.__cause__, sdk.PlaidError)
    assert "canary" not in "".join(traceback.format_exception(error))


def test_every_error_of_the_sdk_has_a_meaning_for_the_platform() -> None:
    classes = [sdk.PlaidError]
    for class_ in classes:
        classes.extend(class_.__subclasses__())
    table = failures(SystemClock())
    for class_ in set(classes):
        assert isinstance(table.to_provider_error(class_("x")), ports.ProviderError)
    assert set(table.entries) <= set(classes)


@pytest.mark.parametrize(
    ("reason", "withdrawn", "expired"),
    [(None, False, False), ("OAUTH_USER_REVOKED", True, False), ("OAUTH_CONSENT_EXPIRED", False, True)],
)
async def test_login_error_tells_a_withdrawn_consent_from_an_expired_one(
    adapter, wire, shapes, reason, withdrawn, expired
) -> None:
    wire.answers["/item/get"] = shapes.refusal("ITEM_ERROR", "ITEM_LOGIN_REQUIRED", error_code_reason=reason)
    with pytest.raises(ports.ProviderAuthenticationError) as caught:
        await adapter.validate(CREDENTIALS)
    assert (caught.value.consent_withdrawn, caught.value.is_token_expired) == (withdrawn, expired)


async def test_rate_limit_says_when_to_come_back(adapter, wire, shapes) -> None:
    wire.answers["/item/get"] = shapes.refusal("RATE_LIMIT_EXCEEDED", "ITEM_GET_LIMIT", 429)
    with pytest.raises(ports.ProviderRateLimitError) as caught:
        await adapter.validate(CREDENTIALS)
    assert caught.value.retry_after == timedelta(seconds=60)


async def test_factory_builds_an_adapter_from_settings(still) -> None:
    settings = {"plaid_client_id": "x", "plaid_secret": "y", "plaid_environment": "production"}
    adapter = PROVIDER.factory(ProviderContext(settings=settings, clock=still))
    assert isinstance(adapter, ProviderAdapter)
    assert isinstance(adapter, PlaidAdapter)
    assert adapter.environment == "production"
    assert PROVIDER.credential_type is CredentialType.LINK_TOKEN
    await adapter.aclose()
