"""What was tried with money, by whom, and how did it end? One line for each event, appended only."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bursar.providers.sequence.sdk.config import data_dir
from bursar.providers.sequence.sdk.files import append_line
from bursar.providers.sequence.sdk.redaction import safe_text

_NAME = ".audit.jsonl"


class AuditLog:
    """A file of JSON lines that any number of processes may add to.

    Events in use: `transfer_requested`, `transfer_completed`, `transfer_failed`, `transfer_rejected` (a limit said no),
    `transfer_outcome_unknown`; `transfer_staged`, `transfer_confirmed`, `transfer_cancelled` and `transfer_expired` for
    programs that ask a person first.

    Args:
        path: by default `.audit.jsonl` in `SEQUENCE_DATA_DIR`, worked out now.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path) if path is not None else data_dir() / _NAME

    def log(
        self,
        event_type: str,
        *,
        user_id: int | str | None = None,
        user_name: str | None = None,
        transfer_id: str | None = None,
        amount_cents: int | None = None,
        source: str | None = None,
        destination: str | None = None,
        note: str | None = None,
        error: str | Exception | None = None,
    ) -> None:
        """Append one event; it is on the disk when this returns.

        What is None is left out; 0 and an empty text are written. `note` and `error` are redacted and cut to 500
        characters: pass an exception, or an error's class and message, never a raw answer.

        Raises:
            ValueError: the event has no name, or an argument has no JSON form; nothing was written.
            OSError: the line could not be written: do not move money that nobody would know of.
        """
        if not isinstance(event_type, str) or not event_type.strip():  # pyright: ignore[reportUnnecessaryIsInstance] - callers without types
            raise ValueError("event_type must be a text that is not blank")
        if isinstance(error, Exception):
            error = f"{type(error).__name__}: {error}"
        told: dict[str, Any] = {
            "timestamp": datetime.now(UTC).isoformat(),
            "event_type": event_type,
            "user_id": user_id,
            "user_name": user_name,
            "transfer_id": transfer_id,
            "amount_cents": amount_cents,
            "source": source,
            "destination": destination,
            "note": None if note is None else safe_text(str(note)),
            "error": None if error is None else safe_text(str(error)),
        }
        kept = {key: value for key, value in told.items() if value is not None}
        try:
            line = json.dumps(kept, ensure_ascii=False)
        except TypeError:
            wrong = ", ".join(name for name, value in kept.items() if not isinstance(value, str | int))
            raise ValueError(f"{wrong} must be a text or a number") from None
        # Lone surrogates cannot be UTF-8, and a line that cannot be written would stop the transfer.
        append_line(self.path, line.encode("utf-8", "backslashreplace"))
