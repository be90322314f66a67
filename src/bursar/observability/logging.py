"""How does the platform write down what it does, one line per event and nothing private in it?

A line is a JSON object: `timestamp` (UTC), `level`, `logger`, `message`, and `context` with everything else. What was
bound with `log_context` is in the context of every line inside. Libraries that use the standard logging module come out
in the same form. On a terminal, people get the same content as coloured text.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Literal, TextIO, TypeAlias, cast
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bursar.observability.redaction import MAX_CHARACTERS, clean_text, clean_value

LogStyle: TypeAlias = Literal["json", "console"]
Logger: TypeAlias = structlog.stdlib.BoundLogger

_HANDLER_NAME = "bursar"
_LINE_MEMBERS = frozenset({"event", "level", "logger"})
# Below the limit of a text, because a mask may be longer than what it hides.
_TRACEBACK_CHARACTERS = MAX_CHARACTERS - 500
_TRACEBACKS = frozenset({"exception", "stack"})
# They log each request with its address and, at DEBUG, its headers: what matters of it we log ourselves.
_CHATTY_LIBRARIES = ("httpx2", "httpcore2", "httpx", "httpcore", "aiohttp", "urllib3", "asyncio", "uvicorn.access")


def configure_logging(*, level: str = "INFO", style: LogStyle | None = None, stream: TextIO | None = None) -> None:
    """Send all logging of the process to one stream; calling it again replaces what was there.

    Args:
        level: the least level that is written, a name of the standard library's.
        style: `json` or `console`; None picks `console` when the stream is a terminal.
        stream: standard error by default, so that a command's own output stays clean.
    """
    target = sys.stderr if stream is None else stream
    chosen = style or ("console" if target.isatty() else "json")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: list[Processor] = (
        [_render_json] if chosen == "json" else [_flatten, structlog.dev.ConsoleRenderer(colors=target.isatty())]
    )
    handler = logging.StreamHandler(target)
    handler.set_name(_HANDLER_NAME)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_line, *renderer],
        )
    )
    root = logging.getLogger()
    for old in [entry for entry in root.handlers if entry.get_name() == _HANDLER_NAME]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Loggers live in module globals: a later call of this function must reach them.
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> Logger:
    """Return the logger of a module; `name` is its `__name__`.

    The message is a fixed text; what varies goes into the context, under names that say what it is:
    `log.info("sync finished", rows_count=3)`.
    """
    return structlog.stdlib.get_logger(name)


def log_context(
    *,
    request_id: str | None = None,
    tenant_id: UUID | None = None,
    user_id: UUID | None = None,
    endpoint: str | None = None,
    **more: object,
) -> AbstractContextManager[None]:
    """Put these into every line that is logged inside, in this task and those it starts; unknown (None) is left out.

    `endpoint` is the template of the route, never the address. A `provider` that is bound also names the provider in
    the count of unmapped values.
    """
    members = {"request_id": request_id, "tenant_id": tenant_id, "user_id": user_id, "endpoint": endpoint, **more}
    known = {name: value for name, value in members.items() if value is not None}
    return structlog.contextvars.bound_contextvars(**known)


def _to_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Give a line its shape: four members of ours, all others cleaned and in the context."""
    context: dict[str, object] = {}
    for name, value in event.items():
        if name in _TRACEBACKS:
            context[name] = clean_text(_last_lines(str(value)))
        elif name not in _LINE_MEMBERS:
            context[clean_text(name)] = clean_value(value, name=name)
    return {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": str(event.get("level", "info")),
        "logger": str(event.get("logger") or "root"),
        "message": str(clean_value(event.get("event", ""))),
        "context": context,
    }


def _last_lines(traceback: str) -> str:
    """Return what fits of a traceback from its end, where the error is; whole lines, so that no secret is cut open."""
    if len(traceback) <= _TRACEBACK_CHARACTERS:
        return traceback
    return "...\n" + traceback[-_TRACEBACK_CHARACTERS:].partition("\n")[2]


def _render_json(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    # ASCII only: every line break there is, the Unicode ones included, is escaped, so that one event stays one line.
    return json.dumps(line, ensure_ascii=True, separators=(",", ":"))


def _flatten(_logger: WrappedLogger, _method: str, line: EventDict) -> MutableMapping[str, object]:
    """Turn a line into what the console renderer takes, the traceback last and with its line breaks."""
    context = cast("dict[str, object]", line["context"])
    flat: dict[str, object] = {name: line[name] for name in ("timestamp", "level", "logger")}
    flat["event"] = line["message"]
    flat.update({name: value for name, value in context.items() if name not in flat})
    return flat
