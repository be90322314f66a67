"""Is a webhook really from the provider that it says it is from?

For programs with routes of their own; `add_banking` has one already, and `Banking.read_webhook` says what a webhook
means.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bursar.banking.exceptions import SyncCallInLoopError
from bursar.providers.banking.plaid_webhooks import KeySource, is_from_plaid, is_from_plaid_by_environment
from bursar.providers.banking.teller_webhooks import is_from_teller

__all__ = ["KeySource", "verify_plaid_webhook", "verify_teller_webhook"]


def verify_plaid_webhook(
    headers: Mapping[str, str],
    body: bytes,
    *,
    key_source: KeySource | None = None,
    now: datetime | None = None,
) -> bool:
    """Return True when Plaid signed exactly these bytes within the last five minutes; False: answer 401.

    ```python
    @app.post("/webhooks/plaid")
    async def plaid_webhook(request: Request):
        if not verify_plaid_webhook(request.headers, await request.body(), key_source=find_key):
            raise HTTPException(401)
        return {"status": "received"}
    ```

    Args:
        headers: by name, in any case.
        body: the raw bytes; the signature covers their hash.
        key_source: where public keys are; without one, they are fetched from Plaid with `PLAID_CLIENT_ID` and the like,
            which blocks.
        now: the present instant, aware, to judge with a key source; the machine's clock when None.

    Raises:
        TypeError: the body is not bytes: a parsed body has lost what was signed.
        SyncCallInLoopError: without a key source inside a running event loop: `await banking.read_webhook(...)`.
    """
    _require_bytes(body)
    if key_source is not None:
        return is_from_plaid(headers, body, key_source, now)
    if _loop_runs():
        raise SyncCallInLoopError(
            "Fetching a key would block the running event loop: hand over a key_source, or write "
            "`await banking.read_webhook(headers, body)`."
        )
    return asyncio.run(is_from_plaid_by_environment(headers, body))


def verify_teller_webhook(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: datetime | None = None
) -> bool:
    """Return True when Teller signed exactly these bytes within the last three minutes; False: answer 401.

    ```python
    @app.post("/webhooks/teller")
    async def teller_webhook(request: Request):
        if not verify_teller_webhook(request.headers, await request.body(), secrets=SECRETS):
            raise HTTPException(401)
        return {"status": "received"}
    ```

    Args:
        headers: by name, in any case.
        body: the raw bytes.
        secrets: every signing secret that has not expired: two while they are exchanged.
        now: the present instant, aware; the machine's clock when None.

    Raises:
        TypeError: the body is not bytes.
        ValueError: there is no secret.
    """
    _require_bytes(body)
    return is_from_teller(headers, body, secrets, now or datetime.now(UTC))


def _require_bytes(body: object) -> None:
    if not isinstance(body, bytes | bytearray):
        raise TypeError(
            "verify the raw body bytes (`await request.body()`), not the parsed body: the signature covers the bytes"
        )


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
