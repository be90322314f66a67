"""Does a provider believe its webhooks when they are genuine, and only then?"""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

import pytest

from bursar.domain.connections import ProviderCapability
from bursar.domain.webhooks import NoticeKind, ProviderNotice
from bursar.ports.errors import ProviderError
from bursar.ports.webhooks import WebhookAdapter, WebhookRefusedError
from bursar.sandbox.faces import WebhookDelivery, WebhookFace
from bursar.testing.provider_stage import ProviderStage

_MAX_ID_LENGTH = 255
_TOO_OLD = timedelta(hours=1)
_NO_PROOF = frozenset({"content-type", "content-length", "user-agent", "accept"})
"""Headers that anybody sends."""


def _adapter(stage: ProviderStage) -> WebhookAdapter | None:
    return stage.adapter if isinstance(stage.adapter, WebhookAdapter) else None


def _face(stage: ProviderStage) -> WebhookFace:
    assert isinstance(stage.server, WebhookFace), "the simulator of a provider with webhooks is a WebhookFace"
    return stage.server


async def _ids(adapter: WebhookAdapter, delivery: WebhookDelivery) -> list[str]:
    return [notice.notice_id for notice in await adapter.read_webhook(delivery.headers, delivery.body)]


async def _refused(adapter: WebhookAdapter, headers: Mapping[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRefusedError) as caught:
        await adapter.read_webhook(headers, body)
    shown = str(caught.value) + repr(caught.value) + str(caught.value.details)
    proofs = [value for name, value in headers.items() if name.lower() not in _NO_PROOF and len(value) > 8]
    assert not [value for value in proofs if value in shown]
    assert len(body) < 9 or body.decode("latin-1") not in shown


class NoticePromises:
    """Scenarios about webhooks; `stage` is connected."""

    async def test_webhooks_are_read_by_whoever_declares_it_and_by_nobody_else(self, stage: ProviderStage) -> None:
        assert isinstance(stage.adapter, WebhookAdapter) == stage.has(ProviderCapability.WEBHOOKS)
        assert isinstance(stage.server, WebhookFace) or not stage.has(ProviderCapability.WEBHOOKS)

    async def test_genuine_delivery_is_read_into_notices_about_its_login(self, stage: ProviderStage) -> None:
        adapter = _adapter(stage)
        if adapter is None:
            return
        delivery = stage.make_delivery()
        read: list[tuple[ProviderNotice, ...]] = []
        for spell in (str.lower, str.upper, str.title, str):
            headers = {spell(name): value for name, value in delivery.headers.items()}
            read.append(tuple(await adapter.read_webhook(headers, delivery.body)))
        assert len(set(read)) == 1
        notices = read[0]
        assert notices
        assert any(notice.kind is not NoticeKind.OTHER for notice in notices), "a delivery that asks for nothing"
        for notice in notices:
            assert isinstance(notice.kind, NoticeKind)
            assert notice.external_login_id == stage.external_login_id
            assert notice.code
            assert 0 < len(notice.notice_id) <= _MAX_ID_LENGTH
            assert notice.sent_at is None or notice.sent_at.tzinfo is not None
        assert len({notice.notice_id for notice in notices}) == len(notices)

    async def test_notice_that_comes_again_has_its_id_and_the_next_one_another(self, stage: ProviderStage) -> None:
        adapter = _adapter(stage)
        if adapter is None:
            return
        first = stage.make_delivery()
        ids = await _ids(adapter, first)
        assert await _ids(adapter, first) == ids
        assert await _ids(adapter, _face(stage).repeat_delivery(first)) == ids
        # The clock moves, because a provider may tell two events apart by nothing else.
        stage.world.advance(timedelta(seconds=90))
        following = await _ids(adapter, stage.make_delivery())
        assert not set(following) & set(ids)

    async def test_altered_body_is_refused(self, stage: ProviderStage) -> None:
        adapter = _adapter(stage)
        if adapter is None:
            return
        delivery = stage.make_delivery()
        body = delivery.body
        if not delivery.proves_body:
            # Who shows the password is believed; what it says is a hint all the same, and never a crash.
            with pytest.raises(ProviderError):
                await adapter.read_webhook(delivery.headers, b"\xff\xfe{")
            return
        step = max(1, len(body) // 40)
        for at in range(0, len(body), step):
            await _refused(adapter, delivery.headers, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
        for altered in (b"", b"{}", body[:-1], body + b" ", b" " + body, body * 2):
            await _refused(adapter, delivery.headers, altered)

    async def test_forged_proof_is_refused(self, stage: ProviderStage) -> None:
        adapter = _adapter(stage)
        if adapter is None:
            return
        delivery = stage.make_delivery()
        forged = _face(stage).forge_delivery(delivery)
        assert forged.headers != delivery.headers
        await _refused(adapter, forged.headers, forged.body)
        await _refused(adapter, {}, delivery.body)
        bare = {name: value for name, value in delivery.headers.items() if name.lower() in _NO_PROOF}
        await _refused(adapter, bare, delivery.body)

    @pytest.mark.parametrize("seed", range(10))
    async def test_spoilt_proof_is_refused_and_never_a_crash(self, stage: ProviderStage, seed: int) -> None:
        adapter = _adapter(stage)
        if adapter is None:
            return
        delivery = stage.make_delivery()
        genuine = tuple(await adapter.read_webhook(delivery.headers, delivery.body))
        proofs = [name for name in delivery.headers if name.lower() not in _NO_PROOF]
        assert proofs, "nothing proves the sender"
        dice = Random(seed)  # noqa: S311 - reproducibility is the point
        refused = 0
        for _ in range(20):
            headers = dict(delivery.headers)
            name = dice.choice(proofs)
            value = headers[name]
            at = dice.randrange(len(value))
            headers[name] = dice.choice(
                (value[:at], value[at:], value[:at] + "A" + value[at + 1 :], value + "=", value * 2, "é\x00", "." * at)
            )
            try:
                read = tuple(await adapter.read_webhook(headers, delivery.body))
            except WebhookRefusedError:
                refused += 1
            else:
                # Letters that mean nothing, such as the last bits of base64, may differ.
                assert read == genuine
        assert refused

    async def test_old_delivery_is_refused_or_at_least_known_again(self, stage: ProviderStage) -> None:
        adapter = _adapter(stage)
        if adapter is None:
            return
        delivery = stage.make_delivery()
        ids = await _ids(adapter, delivery)
        stage.world.advance(_TOO_OLD)
        if delivery.proves_time:
            await _refused(adapter, delivery.headers, delivery.body)
            again = _face(stage).repeat_delivery(delivery)
            assert await adapter.read_webhook(again.headers, again.body)
        else:
            assert await _ids(adapter, delivery) == ids
