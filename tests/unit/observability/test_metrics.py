"""Do counters count exactly, from any thread, and print what a scraper reads?"""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bursar.domain import vocabulary
from bursar.domain.accounts import AccountType
from bursar.observability.logging import log_context
from bursar.observability.metrics import MAX_SERIES, OVERFLOW, Counter, Metrics


def test_counter_counts_for_each_combination_of_labels() -> None:
    counter = Counter("runs_total", "Runs.", ("status",))
    counter.add(status="succeeded")
    counter.add(2, status="succeeded")
    counter.add(status="failed")

    assert (counter.value(status="succeeded"), counter.value(status="failed"), counter.value(status="x")) == (3, 1, 0)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_counter_loses_nothing_between_threads() -> None:
    counter = Counter("runs_total", "Runs.")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(lambda: [counter.add() for _ in range(2000)]) for _ in range(8)]:
            done.result()

    assert counter.value() == 16_000


def test_text_form_is_sorted_and_escaped() -> None:
    counter = Counter("words_total", 'Words of "others".', ("word",))
    counter.add(word='quote " slash \\ break \n end')
    counter.add(word="a")

    assert counter.render() == (
        '# HELP words_total Words of \\"others\\".\n'
        "# TYPE words_total counter\n"
        'words_total{word="a"} 1\n'
        'words_total{word="quote \\" slash \\\\ break \\n end"} 1\n'
    )


def test_counter_without_labels_has_no_braces() -> None:
    counter = Counter("runs_total", "Runs.")
    counter.add(5)

    assert counter.render().endswith("\nruns_total 5\n")


def test_labels_must_be_exactly_those_of_the_counter() -> None:
    counter = Counter("runs_total", "Runs.", ("status",))

    with pytest.raises(ValueError, match="labels"):
        counter.add()
    with pytest.raises(ValueError, match="labels"):
        counter.add(status="x", other="y")
    with pytest.raises(ValueError, match="grows"):
        counter.add(-1, status="x")
    with pytest.raises(ValueError, match="snake"):
        Counter("Runs-Total", "Runs.")


def test_endless_label_values_are_counted_as_one() -> None:
    counter = Counter("words_total", "Words.", ("word",))
    for number in range(MAX_SERIES + 50):
        counter.add(word=f"w{number}")
    counter.add(word="w0")

    assert counter.value(word=OVERFLOW) == 50
    assert counter.value(word="w0") == 2


def test_label_values_are_short_and_hold_no_account_number() -> None:
    counter = Counter("words_total", "Words.", ("word",))
    counter.add(word="account 12345678901 " + "x" * 200)

    text = counter.render()
    assert "12345678901" not in text
    assert "x" * 65 not in text


def test_unmapped_words_are_counted_for_the_provider_of_the_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "_observers", [])
    metrics = Metrics()
    metrics.observe_vocabularies()

    with log_context(provider="somebank"):
        assert AccountType("Moon Base") is AccountType.OTHER
    AccountType("moon base")
    AccountType("checking")

    count = metrics.unmapped_values.value
    assert count(enum="AccountType", provider="somebank", value="moon base") == 1
    assert count(enum="AccountType", provider="", value="moon base") == 1
    assert 'unmapped_value_total{enum="AccountType",provider="somebank",value="moon base"} 1\n' in metrics.render()


def test_all_counters_are_in_one_scrape() -> None:
    metrics = Metrics()
    metrics.rejected_records.add(3, provider="plaid", kind="transaction", reason="bad_number")
    metrics.sync_runs.add(status="partial")
    metrics.http_requests.add(method="GET", endpoint="/api/v1/accounts", status="200")

    text = metrics.render()

    for line in (
        'records_rejected_total{provider="plaid",kind="transaction",reason="bad_number"} 3',
        'sync_runs_total{status="partial"} 1',
        'http_requests_total{method="GET",endpoint="/api/v1/accounts",status="200"} 1',
    ):
        assert f"\n{line}\n" in text
    assert text.count("# TYPE ") == 5
