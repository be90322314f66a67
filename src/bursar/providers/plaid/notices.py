"""What does a webhook of Plaid's mean for a connection?"""

from collections.abc import Mapping
from hashlib import sha256

from bursar.domain.webhooks import NoticeKind, ProviderNotice
from bursar.providers.plaid.sdk.models.webhooks import SignedWebhook

_DATA = NoticeKind.DATA_CHANGED

# Source: https://plaid.com/docs/api/webhooks/ and the pages of the products (read 2026-11-21). Not in the table, and so
# of no consequence: AUTH and IDENTITY (numbers and owners are read when they are asked for, and not kept), recurring
# streams, assets, and codes that Plaid adds later.
KINDS: Mapping[tuple[str, str], NoticeKind] = {
    ("TRANSACTIONS", "SYNC_UPDATES_AVAILABLE"): _DATA,
    # Sent beside SYNC_UPDATES_AVAILABLE for the same change: several notices make one run.
    ("TRANSACTIONS", "INITIAL_UPDATE"): _DATA,
    ("TRANSACTIONS", "HISTORICAL_UPDATE"): _DATA,
    ("TRANSACTIONS", "DEFAULT_UPDATE"): _DATA,
    ("TRANSACTIONS", "TRANSACTIONS_REMOVED"): _DATA,
    ("INVESTMENTS_TRANSACTIONS", "DEFAULT_UPDATE"): _DATA,
    ("INVESTMENTS_TRANSACTIONS", "HISTORICAL_UPDATE"): _DATA,
    ("HOLDINGS", "DEFAULT_UPDATE"): _DATA,
    ("LIABILITIES", "DEFAULT_UPDATE"): _DATA,
    # One account of several; the next run finds it missing.
    ("ITEM", "USER_ACCOUNT_REVOKED"): _DATA,
    ("ITEM", "ERROR"): NoticeKind.SIGN_IN_NEEDED,
    ("ITEM", "PENDING_DISCONNECT"): NoticeKind.SIGN_IN_NEEDED,
    ("ITEM", "PENDING_EXPIRATION"): NoticeKind.SIGN_IN_NEEDED,
    ("ITEM", "USER_PERMISSION_REVOKED"): NoticeKind.ACCESS_ENDED,
    ("ITEM", "LOGIN_REPAIRED"): NoticeKind.LOGIN_RESTORED,
    ("ITEM", "NEW_ACCOUNTS_AVAILABLE"): NoticeKind.ACCOUNTS_AVAILABLE,
    ("ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED"): NoticeKind.OTHER,
}

_MAX_CODE_LENGTH = 100


def to_notice(signed: SignedWebhook) -> ProviderNotice:
    """Return the notice of a webhook.

    Its id covers the instant of the signature too: two updates of one item have the same body, and a second one that
    was taken for the first would not be read. What Plaid signs anew is another notice, which costs one reading.
    """
    webhook = signed.webhook
    event = (webhook.webhook_type, webhook.webhook_code)
    stamp = f"{signed.body_sha256}.{int(signed.signed_at.timestamp())}"
    return ProviderNotice(
        kind=KINDS.get(event, NoticeKind.OTHER),
        external_login_id=webhook.item_id or None,
        code=".".join(event)[:_MAX_CODE_LENGTH],
        notice_id=sha256(stamp.encode()).hexdigest(),
        sent_at=signed.signed_at,
    )
