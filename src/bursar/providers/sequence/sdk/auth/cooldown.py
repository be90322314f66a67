"""May the browser log in again? After three failures in a row a wrong password must not lock the account.

The identity site blocks an address after ten. A server asks for a token before every request, so without a pause a
changed password would be tried ten times within minutes.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from bursar.providers.sequence.sdk.config import data_dir
from bursar.providers.sequence.sdk.exceptions import AuthenticationError
from bursar.providers.sequence.sdk.files import locked, replace_file

MOST_FAILURES = 3
PAUSE_S = 15 * 60.0
_NAME = ".login_failures.json"


def check() -> None:
    """Refuse while the pause lasts.

    Raises:
        AuthenticationError: too many logins have failed; the text says when the next one is possible.
    """
    count, last = _read()
    left_s = last + PAUSE_S - time.time()
    # A clock that was set back must not make the pause longer than it is.
    if count >= MOST_FAILURES and 0 < left_s <= PAUSE_S:
        until = datetime.fromtimestamp(last + PAUSE_S, UTC).strftime("%H:%M:%S UTC")
        raise AuthenticationError(
            f"the last {count} browser logins failed, so the next one waits until {until}: correct SEQUENCE_EMAIL, "
            f"SEQUENCE_PASSWORD and SEQUENCE_TOTP; removing {_NAME} ends the pause"
        )


def count_failure() -> None:
    """Remember that a login failed."""
    with locked(_path()):
        count, _ = _read()
        replace_file(_path(), json.dumps({"failures": count + 1, "last_failed_at": time.time()}).encode())


def forget_failures() -> None:
    """Begin anew: a login has succeeded."""
    if _path().exists():
        with locked(_path()):
            _path().unlink(missing_ok=True)


def _path() -> Path:
    return data_dir() / _NAME


def _read() -> tuple[int, float]:
    try:
        found: Any = json.loads(_path().read_bytes())
        kept = cast("dict[str, Any]", found)
        return int(kept["failures"]), float(kept["last_failed_at"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return 0, 0.0
