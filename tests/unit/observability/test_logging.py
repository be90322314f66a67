"""Is every event one honest line of JSON, with its context and without secrets?"""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bursar.observability.logging import configure_logging, get_logger, log_context

TENANT = UUID("019aa1b2-0000-7000-8000-123456789012")
TOKEN = "bursar_" + "0" * 32 + "_" + "a" * 52


class Output(io.StringIO):
    """A stream whose lines are read back."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().split("\n") if line]

    def line(self) -> dict[str, Any]:
        (only,) = self.lines()
        return only


@pytest.fixture
def output() -> Iterator[Output]:
    root = logging.getLogger()
    before = (root.level, [*root.handlers])
    stream = Output()
    configure_logging(stream=stream, level="debug")
    yield stream
    logging.captureWarnings(capture=False)
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_event_is_one_line_with_the_five_members(output: Output) -> None:
    get_logger("bursar.services.sync").info("sync finished", rows_count=3)

    line = output.line()
    assert list(line) == ["timestamp", "level", "logger", "message", "context"]
    assert (line["level"], line["logger"], line["message"]) == ("info", "bursar.services.sync", "sync finished")
    assert line["context"] == {"rows_count": 3}
    assert line["timestamp"].endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])).total_seconds() < 60


def test_context_is_in_every_line_inside_and_in_none_after(output: Output) -> None:
    log = get_logger("x")
    with log_context(request_id="20261121030745001", tenant_id=TENANT, endpoint="/api/v1/accounts/{id}"):
        log.info("inside")
        logging.getLogger("library").warning("inside too")
    log.info("after")

    inside, library, after = output.lines()
    expected = {"request_id": "20261121030745001", "tenant_id": str(TENANT), "endpoint": "/api/v1/accounts/{id}"}
    assert inside["context"] == expected
    assert library["context"] == expected
    assert after["context"] == {}


def test_standard_logging_comes_out_in_the_same_form(output: Output) -> None:
    logging.getLogger("some.library").warning("refused %s for %d", TOKEN, 7)

    line = output.line()
    assert (line["level"], line["logger"]) == ("warning", "some.library")
    assert line["message"] == "refused *** for 7"


def test_python_warnings_are_logged(output: Output) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old call", UserWarning, stacklevel=1)

    assert output.line()["logger"] == "py.warnings"


def test_line_breaks_are_escaped_so_that_nobody_forges_a_line(output: Output) -> None:
    get_logger("x").info('name\n{"level":"error"}', text="a\r\nb\u2028c\x85d")

    assert len(output.getvalue().splitlines()) == 1
    assert output.line()["context"] == {"text": "a\r\nb\u2028c\x85d"}


def test_exception_is_logged_with_its_traceback_and_without_its_secret(output: Output) -> None:
    try:
        raise ValueError(f"refused {TOKEN}")
    except ValueError:
        get_logger("x").exception("it failed")
        logging.getLogger("y").exception("it failed too")

    for line in output.lines():
        assert "Traceback" in line["context"]["exception"]
        assert "ValueError: refused ***" in line["context"]["exception"]
        assert "exc_info" not in line["context"]


def test_end_of_a_long_traceback_is_kept(output: Output) -> None:
    try:
        raise LookupError("\n".join(f"line {number}" for number in range(2000)))
    except LookupError:
        get_logger("x").exception("it failed")

    text = output.line()["context"]["exception"]
    assert text.endswith("line 1999")
    assert text.startswith("...\nline ")


def test_values_that_json_does_not_know_become_text(output: Output) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    get_logger("x").info(
        "values",
        amount=Decimal("12.30"),
        at=datetime(2026, 1, 2, tzinfo=UTC),
        ratio=float("nan"),
        body=b"secret",
        names={"one"},
        broken=Broken(),
        nothing=None,
        by_number={1: True},
    )

    assert output.line()["context"] == {
        "amount": "12.30",
        "at": "2026-01-02 00:00:00+00:00",
        "ratio": "nan",
        "body": "<6 bytes>",
        "names": ["one"],
        "broken": "<unprintable Broken>",
        "nothing": None,
        "by_number": {"1": True},
    }


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(message=st.text(), value=JSON_LIKE)
def test_any_value_gives_one_line_of_valid_json(message: str, value: object) -> None:
    root = logging.getLogger()
    before = (root.level, [*root.handlers])
    stream = Output()
    try:
        configure_logging(stream=stream)
        get_logger("x").info(message, value=value)
    finally:
        logging.captureWarnings(capture=False)
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        structlog.reset_defaults()

    (line,) = stream.getvalue().splitlines()
    assert json.loads(line, parse_constant=pytest.fail)["level"] == "info"


def test_level_is_respected_for_both_ways_of_logging(output: Output) -> None:
    configure_logging(stream=output, level="WARNING")

    get_logger("x").info("not written")
    logging.getLogger("y").info("not written either")
    get_logger("x").error("written")

    assert output.line()["message"] == "written"


def test_second_configuration_replaces_the_first(output: Output) -> None:
    later = Output()
    log = get_logger("x")
    log.info("before")

    configure_logging(stream=later)
    log.info("after")

    assert output.line()["message"] == "before"
    assert later.line()["message"] == "after"


def test_http_client_does_not_write_addresses(output: Output) -> None:
    logging.getLogger("httpx2").info("HTTP Request: GET https://bank.example/?code=1")

    assert output.getvalue() == ""


def test_console_style_is_for_people_and_hides_the_same(output: Output) -> None:
    configure_logging(stream=output, style="console")

    get_logger("x").warning("account linked", account="12345678901", password="hunter2", rows_count=3)

    text = output.getvalue()
    assert "account linked" in text
    assert "rows_count" in text
    assert "****8901" in text
    assert "hunter2" not in text
    assert "12345678901" not in text
