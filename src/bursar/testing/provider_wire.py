"""How does a provider behave when the network, the credentials or the caller do not play along?"""

import asyncio
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bursar.domain.connections import ProviderAuthType
from bursar.ports.errors import (
    ProviderAuthenticationError,
    ProviderError,
    ProviderNotFoundError,
    ProviderRateLimitError,
    ProviderUnavailableError,
    ProviderUnsupportedError,
)
from bursar.ports.provider import Credentials, OAuthAdapter, ProviderAdapter
from bursar.sandbox.faces import Receive, Scope, Send
from bursar.testing.loopback import Answer, LoopbackServer, Tampering
from bursar.testing.provider_stage import ProviderStage

_MOST_ATTEMPTS = 3
_REPEATED = frozenset({408, 425, 429, 500, 502, 503, 504})


def _answering(status: int, body: bytes, *headers: tuple[bytes, bytes]):
    def say(answer: Answer) -> Answer:
        said = answer.saying(body, status=status)
        for name, value in headers:
            said = said.with_header(name, value)
        return said

    return say


def _texts_of(error: BaseException) -> Iterator[str]:
    yield from (str(error), repr(error), "".join(traceback.format_exception(error)))
    if isinstance(error, ProviderError):
        yield from (error.message, str(error.details), str(error.upstream_code), str(error.upstream_request_id))


class WirePromises:
    """Scenarios about failures and secrets; `stage` is connected."""

    async def test_declaration_is_whole_and_true(self, stage: ProviderStage) -> None:
        spec = stage.case.spec
        assert spec.slug == stage.case.face.slug
        assert spec.display_name
        assert spec.capabilities
        assert isinstance(stage.adapter, ProviderAdapter)
        assert isinstance(stage.adapter, OAuthAdapter) == (spec.auth_type is ProviderAuthType.OAUTH)
        await stage.adapter.validate(stage.credentials)

    async def test_credentials_that_nobody_knows_are_refused_at_once(self, stage: ProviderStage) -> None:
        unknown = Credentials({name: f"unknown-{name}" for name in stage.credentials})
        stage.wire.answers.clear()
        with pytest.raises(ProviderAuthenticationError) as caught:
            await stage.read_with(unknown)
        assert caught.value.needs_user
        # None, where the adapter itself can tell that a token is none of its own.
        assert stage.count_requests() <= 1

    async def test_missing_credential_is_a_typed_error_without_a_request(self, stage: ProviderStage) -> None:
        stage.wire.answers.clear()
        with pytest.raises(ProviderAuthenticationError) as caught:
            await stage.read_with(Credentials({}))
        assert caught.value.code == "missing_credential"
        with pytest.raises(ProviderAuthenticationError):
            await stage.adapter.fetch_accounts(Credentials({}))
        assert stage.count_requests() == 0

    async def test_account_that_nobody_knows_is_not_found(self, stage: ProviderStage) -> None:
        for fetch in (
            stage.adapter.fetch_holdings(stage.credentials, "no-such-account"),
            stage.adapter.fetch_transactions(stage.credentials, "no-such-account", None, None),
        ):
            with pytest.raises((ProviderNotFoundError, ProviderUnsupportedError)):
                await fetch

    @pytest.mark.parametrize("status", [400, 403, 404, 405, 408, 409, 410, 418, 422, 425, 500, 501, 502, 503, 504])
    async def test_error_status_is_a_typed_error_after_a_few_attempts(self, stage: ProviderStage, status: int) -> None:
        stage.wire.answers.clear()
        with stage.tampering(_answering(status, b"{}")), pytest.raises(ProviderError) as caught:
            await stage.adapter.fetch_accounts(stage.credentials)
        attempts = stage.count_requests()
        assert attempts <= (_MOST_ATTEMPTS if status in _REPEATED else 1)
        if status in {500, 502, 503, 504}:
            assert isinstance(caught.value, ProviderUnavailableError)
            assert attempts > 1
        assert not isinstance(caught.value, ProviderRateLimitError)

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_error_in_the_providers_own_words_means_to_wait(self, stage: ProviderStage, status: int) -> None:
        body = stage.server.error_body(status)
        with stage.tampering(_answering(status, body)), pytest.raises(ProviderError) as caught:
            await stage.adapter.fetch_accounts(stage.credentials)
        assert isinstance(caught.value, ProviderRateLimitError if status == 429 else ProviderUnavailableError)
        assert caught.value.retryable

    @pytest.mark.parametrize("wait", ["3600", "date", "-5", "soon", "1e30", "999999999999"])
    async def test_rate_limit_tells_when_to_come_back(self, stage: ProviderStage, wait: str) -> None:
        text = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True) if wait == "date" else wait
        limit = _answering(429, stage.server.error_body(429), (b"retry-after", text.encode()))
        with stage.tampering(limit), pytest.raises(ProviderRateLimitError) as caught:
            await stage.adapter.fetch_accounts(stage.credentials)
        retry_after = caught.value.retry_after
        assert retry_after is None or retry_after >= timedelta(0)
        if wait in {"3600", "date"}:
            assert retry_after is not None

    async def test_redirect_to_another_host_is_not_followed(self, stage: ProviderStage) -> None:
        async def trap(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        elsewhere = Tampering(trap)
        with LoopbackServer(elsewhere) as other:
            for status in (301, 302, 303, 307, 308):
                away = _answering(status, b"", (b"location", f"{other.url}/stolen".encode()))
                with stage.tampering(away), pytest.raises(ProviderError):
                    await stage.adapter.fetch_accounts(stage.credentials)
        assert elsewhere.answers == []

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
    async def test_secrets_stay_out_of_logs_and_errors(
        self, stage: ProviderStage, status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        canary = "kX9canary7Q2secret4Tz"
        credentials = Credentials({name: f"{canary}-{name}" for name in stage.credentials})

        def echo(answer: Answer) -> Answer:
            headers = b" ".join(value for _, value in answer.request_headers).decode("latin-1")
            body = answer.request_body.decode("latin-1")
            text = f"{body} {headers} {canary}-access_token".replace("\\", "").replace('"', "'").replace("\n", " ")
            return answer.saying(f'{{"error_message": "{text}", "error_code": "{text}"}}'.encode(), status=status)

        with stage.tampering(echo), pytest.raises(ProviderError) as caught:
            await stage.read_with(credentials)
        told = [text for text in _texts_of(caught.value) if canary in text]
        assert not told, told[0][max(0, told[0].find(canary) - 200) :][:400]
        assert canary not in caplog.text
        assert canary not in repr(credentials)

    async def test_secrets_stay_out_of_what_is_read(
        self, stage: ProviderStage, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        reading = await stage.read()
        said = repr(reading) + repr(reading.batches) + repr([one.raw_data for one in reading.batches[0].transactions])
        secrets = [value for name, value in stage.credentials.items() if name in _SECRET_NAMES]
        secrets += [value for name, value in stage.server.credentials().items() if "secret" in name]
        assert secrets, "no credential of this provider is a secret"
        for secret in secrets:
            assert secret not in said
            assert secret not in caplog.text
            assert secret not in repr(stage.adapter)

    async def test_hundred_calls_share_one_connection(self, stage: ProviderStage) -> None:
        stage.wire.answers.clear()
        for _ in range(100):
            await stage.adapter.fetch_accounts(stage.credentials)
        assert stage.count_requests() >= 100
        assert len({answer.client for answer in stage.wire.answers}) == 1

    async def test_closed_adapter_sends_nothing(self, stage: ProviderStage) -> None:
        adapter = stage.make_adapter()
        await adapter.fetch_accounts(stage.credentials)
        await adapter.aclose()
        await adapter.aclose()
        stage.wire.answers.clear()
        with pytest.raises((ProviderError, RuntimeError)):
            await adapter.fetch_accounts(stage.credentials)
        assert stage.count_requests() == 0

    async def test_cancelled_call_ends_at_once(self, stage: ProviderStage) -> None:
        has_arrived = asyncio.Event()
        loop = asyncio.get_running_loop()

        def never_end(answer: Answer) -> Answer:
            loop.call_soon_threadsafe(has_arrived.set)
            return replace(answer, delay_s=30.0)

        with stage.tampering(never_end):
            call = asyncio.create_task(stage.adapter.fetch_accounts(stage.credentials))
            await has_arrived.wait()
            call.cancel()
            async with asyncio.timeout(5):
                with pytest.raises(asyncio.CancelledError):
                    await call
        assert await stage.adapter.fetch_accounts(stage.credentials)

    async def test_access_that_is_gone_already_can_be_withdrawn_again(self, stage: ProviderStage) -> None:
        await stage.adapter.revoke(stage.credentials)
        await stage.adapter.revoke(stage.credentials)


_SECRET_NAMES = frozenset(
    {"access_token", "refresh_token", "api_key", "api_secret", "client_secret", "password", "private_key_pem"}
)
