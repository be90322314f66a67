"""Are amounts and times written as the web application's clients know them?"""

import pytest

from bursar.providers.sequence.sdk.eastern import to_eastern
from bursar.providers.sequence.sdk.money import MAX_AMOUNT_CENTS, checked_cents, format_cents


@pytest.mark.parametrize(
    ("cents", "written"),
    [
        (0, "$0.00"),
        (5, "$0.05"),
        (123456789, "$1,234,567.89"),
        (-500, "-$5.00"),
        (-5, "-$0.05"),
        (10**15, "$10,000,000,000,000.00"),
    ],
)
def test_cents_are_written_without_a_float(cents: int, written: str):
    assert format_cents(cents) == written


@pytest.mark.parametrize("wrong", [True, False, 1.0, "1", None, -1, 0, MAX_AMOUNT_CENTS + 1])
def test_what_is_no_amount_is_refused(wrong):
    with pytest.raises(ValueError, match="amount_cents"):
        checked_cents(wrong, lowest=1)


@pytest.mark.parametrize(
    ("sent", "eastern"),
    [
        ("2025-01-15T15:30:00.000Z", "2025-01-15T10:30:00-05:00"),
        ("2025-07-01T10:00:00Z", "2025-07-01T06:00:00-04:00"),
        ("2025-01-15T15:30:00.123Z", "2025-01-15T10:30:00.123000-05:00"),
        ("2025-03-09T07:00:00Z", "2025-03-09T03:00:00-04:00"),
        ("2025-11-02T05:30:00Z", "2025-11-02T01:30:00-04:00"),
        ("2025-11-02T06:30:00Z", "2025-11-02T01:30:00-05:00"),
        ("2025-01-15T15:30:00+02:00", "2025-01-15T08:30:00-05:00"),
        ("2025-02-03", "2025-02-03"),
        ("2025-01-15T15:30:00", "2025-01-15T15:30:00"),
        ("", ""),
        (None, None),
        ("yesterday", "yesterday"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        (5, 5),
    ],
)
def test_instants_become_new_york_time_and_nothing_else_changes(sent, eastern):
    assert to_eastern(sent) == eastern
