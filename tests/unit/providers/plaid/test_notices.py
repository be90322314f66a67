"""What a webhook of Plaid's asks for, and how one is told from the next."""

from datetime import UTC, datetime, timedelta

import pytest

from bursar.domain.webhooks import NoticeKind
from bursar.providers.plaid.notices import KINDS, to_notice
from bursar.providers.plaid.sdk.models.webhooks import SignedWebhook, Webhook

SIGNED_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def signed(type_: str, code: str, *, item_id: str | None = "item-1", later_s: int = 0, body: str = "0" * 64):
    webhook = Webhook(webhook_type=type_, webhook_code=code, item_id=item_id)
    return SignedWebhook(webhook=webhook, signed_at=SIGNED_AT + timedelta(seconds=later_s), body_sha256=body)


@pytest.mark.parametrize(("event", "kind"), KINDS.items(), ids=str)
def test_known_code_asks_for_what_the_table_says(event, kind) -> None:
    notice = to_notice(signed(*event))
    assert (notice.kind, notice.external_login_id, notice.code) == (kind, "item-1", ".".join(event))
    assert notice.sent_at == SIGNED_AT


@pytest.mark.parametrize("event", [("AUTH", "DEFAULT_UPDATE"), ("ITEM", "SOMETHING_NEW"), ("NEW", "x" * 500)])
def test_other_codes_ask_for_nothing_and_are_kept(event) -> None:
    notice = to_notice(signed(*event))
    assert notice.kind is NoticeKind.OTHER
    assert len(notice.code) <= 100


def test_event_of_a_link_session_is_about_no_login() -> None:
    assert to_notice(signed("LINK", "SESSION_FINISHED", item_id=None)).external_login_id is None


def test_same_body_signed_later_is_another_notice() -> None:
    event = ("TRANSACTIONS", "SYNC_UPDATES_AVAILABLE")
    first, again = to_notice(signed(*event)), to_notice(signed(*event))
    following = to_notice(signed(*event, later_s=1))
    other = to_notice(signed(*event, body="1" * 64))
    assert first.notice_id == again.notice_id
    assert len({first.notice_id, following.notice_id, other.notice_id}) == 3
