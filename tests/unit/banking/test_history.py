"""Balances day by day: one per account and day, exact, nobody else's, on a file that lasts."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pytest

from bursar.banking.exceptions import BankingProviderError, InvalidInputError
from bursar.banking.history import (
    BalanceHistory,
    SQLiteBalanceStore,
    average_daily_balance,
    get_balance_history,
    get_trend,
    net_worth_by_day,
    track_balance,
)
from bursar.domain.money import CurrencyMismatchError

JANUARY = (date(2025, 1, 1), date(2025, 1, 31))


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    path = tmp_path / "data" / "history.db"
    monkeypatch.setenv("BURSAR_BALANCE_HISTORY", str(path))
    return path


def series(*pairs: tuple[int, str], currency: str = "USD", account: str = "a") -> list[BalanceHistory]:
    return [
        BalanceHistory(account_id=account, balance=Decimal(amount), date=date(2025, 1, day), currency=currency)
        for day, amount in pairs
    ]


def test_snapshots_come_back_in_order_and_digit_for_digit() -> None:
    track_balance(account_id="acc_123", balance=4950.00, date=date(2025, 1, 2), currency="USD")
    track_balance(account_id="acc_123", balance="1234567890123456.789", date="2025-01-03", currency="usd")
    track_balance(account_id="acc_123", balance=Decimal("-0.10"), date=date(2025, 1, 1), currency="USD")
    track_balance(account_id="acc_123", balance=1, date=date(2025, 2, 1), currency="USD")
    history = get_balance_history(account_id="acc_123", start_date=JANUARY[0], end_date=JANUARY[1])
    assert [(one.date.day, str(one.balance), one.currency) for one in history] == [
        (1, "-0.10", "USD"),
        (2, "4950.0", "USD"),
        (3, "1234567890123456.789", "USD"),
    ]
    assert get_balance_history("acc_123", "2025-01-02", "2025-01-02")[0].date == date(2025, 1, 2)
    assert len(get_balance_history("acc_123")) == 4


def test_second_snapshot_of_a_day_replaces_the_first() -> None:
    track_balance("a", 1, date(2025, 1, 1), "USD")
    track_balance("a", 2, date(2025, 1, 1), "EUR")
    assert [(str(one.balance), one.currency) for one in get_balance_history("a", *JANUARY)] == [("2", "EUR")]


def test_unknown_accounts_and_those_of_others_have_no_history() -> None:
    track_balance("a", 1, date(2025, 1, 1), "USD", owner="ada")
    assert get_balance_history("a", *JANUARY) == []
    assert get_balance_history("a", *JANUARY, owner="ben") == []
    assert get_balance_history("b", *JANUARY, owner="ada") == []
    assert len(get_balance_history("a", *JANUARY, owner="ada")) == 1
    track_balance("a", 9, date(2025, 1, 1), "USD", owner="ben")
    assert get_balance_history("a", *JANUARY, owner="ada")[0].balance == 1


def test_history_can_be_forgotten(file) -> None:
    for account in ("a", "b"):
        track_balance(account, 1, date(2025, 1, 1), "USD", owner="ada")
    track_balance("a", 1, date(2025, 1, 1), "USD", owner="ben")
    store = SQLiteBalanceStore(file)
    assert store.forget("ada", "a") == 1
    assert store.forget("ada") == 1
    assert len(get_balance_history("a", owner="ben")) == 1


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"date": "2025-02-30"}, "date"),
        ({"date": None}, "date"),
        ({"currency": "XYZW"}, "currency"),
        ({"balance": float("nan")}, "balance"),
        ({"balance": "much"}, "balance"),
        ({"balance": None}, "balance"),
    ],
)
def test_what_is_no_snapshot_is_refused_by_name_and_kept_nowhere(arguments, field, file) -> None:
    given = {"account_id": "a", "balance": 1, "date": date(2025, 1, 1), "currency": "USD", **arguments}
    with pytest.raises(InvalidInputError) as caught:
        track_balance(**given)
    assert caught.value.field == field
    assert not file.exists()


def test_reversed_days_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="exchange them"):
        get_balance_history("a", JANUARY[1], JANUARY[0])


def test_file_and_folder_are_for_their_user_only(file) -> None:
    track_balance("a", 1, date(2025, 1, 1), "USD")
    held = sqlite3.connect(file)  # while somebody looks, the companions of the file are there
    held.execute("SELECT count(*) FROM balance_history").fetchone()
    track_balance("a", 2, date(2025, 1, 2), "USD")
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    held.close()
    assert set(modes.values()) == {0o600}, modes


def test_file_is_found_by_setting_home_or_users_folder(monkeypatch, tmp_path) -> None:
    monkeypatch.delenv("BURSAR_BALANCE_HISTORY")
    monkeypatch.setenv("BURSAR_HOME", str(tmp_path / "here"))
    track_balance("a", 1, date(2025, 1, 1), "USD")
    assert (tmp_path / "here" / "balance-history.db").is_file()
    monkeypatch.delenv("BURSAR_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert get_balance_history("a") == []
    assert (tmp_path / "home" / ".bursar" / "balance-history.db").is_file()


def test_file_that_cannot_be_used_is_told_with_what_to_do(file, monkeypatch, tmp_path) -> None:
    file.parent.mkdir()
    file.write_text("no database " * 1000)
    with pytest.raises(BankingProviderError, match="set BURSAR_BALANCE_HISTORY to a file of your own"):
        track_balance("a", 1, date(2025, 1, 1), "USD")
    (tmp_path / "file").touch()
    monkeypatch.setenv("BURSAR_BALANCE_HISTORY", str(tmp_path / "file" / "below.db"))
    with pytest.raises(BankingProviderError, match="set BURSAR_BALANCE_HISTORY to one that can be written"):
        get_balance_history("a")


def test_file_of_a_newer_version_is_left_alone(file) -> None:
    track_balance("a", 1, date(2025, 1, 1), "USD")
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(BankingProviderError, match="newer version"):
        track_balance("a", 2, date(2025, 1, 1), "USD")


def test_several_processes_at_once_lose_nothing(file) -> None:
    program = (
        "import sys, datetime\n"
        "from bursar.banking.history import track_balance\n"
        "for day in range(40):\n"
        "    date = datetime.date(2025, 1, 1) + datetime.timedelta(days=day)\n"
        "    track_balance('shared', day, date, 'USD')\n"
        "    track_balance(sys.argv[1], day, date, 'USD')\n"
    )
    # All of them make the file, its table and its journal at the same time.
    environment = {"PATH": os.defpath, "BURSAR_BALANCE_HISTORY": str(file)}
    running = [subprocess.Popen([sys.executable, "-c", program, f"own-{n}"], env=environment) for n in range(4)]
    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    assert [one.balance for one in get_balance_history("shared")] == list(range(40))
    assert [len(get_balance_history(f"own-{n}")) for n in range(4)] == [40] * 4


def test_process_that_dies_leaves_whole_snapshots(file) -> None:
    program = (
        "import os, datetime\n"
        "from bursar.banking.history import BalanceHistory, SQLiteBalanceStore\n"
        "store = SQLiteBalanceStore(os.environ['BURSAR_BALANCE_HISTORY'])\n"
        "day = datetime.date(2025, 1, 1)\n"
        "store.put('', [BalanceHistory(account_id='a', balance=1, date=day, currency='USD')])\n"
        "with store._open(writes=True) as database:\n"
        '    database.execute("DELETE FROM balance_history")\n'
        "    os.kill(os.getpid(), 9)\n"
    )
    environment = {"PATH": os.defpath, "BURSAR_BALANCE_HISTORY": str(file)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == -9
    assert len(get_balance_history("a")) == 1


def test_trend_says_where_it_goes_and_how_far() -> None:
    trend = get_trend(series((1, "5000"), (2, "4950"), (31, "5100")))
    assert trend is not None
    assert (trend.direction, trend.change, trend.change_percent) == ("increasing", 100, 2)
    falling = get_trend(series((31, "50"), (1, "100")))
    assert falling is not None
    assert (falling.direction, falling.change_percent) == ("decreasing", -50)


def test_trend_of_a_debt_of_nothing_and_of_no_series() -> None:
    shrinking = get_trend(series((1, "-1000"), (2, "-500")))
    assert shrinking is not None
    assert (shrinking.direction, shrinking.change_percent) == ("increasing", 50)
    from_zero = get_trend(series((1, "0"), (2, "10")))
    assert from_zero is not None
    assert (from_zero.change, from_zero.change_percent) == (10, None)
    still = get_trend(series((1, "7")))
    assert still is not None
    assert (still.direction, still.change_percent) == ("unchanged", 0)
    assert get_trend([]) is None


def test_average_carries_balances_over_missing_days() -> None:
    average = average_daily_balance(series((1, "100"), (3, "400")), "2025-01-01", "2025-01-04")
    assert average is not None
    assert (average.balance, average.currency, average.days, average.days_unknown) == (250, "USD", 4, 0)
    # The plain mean of the two snapshots would be 250 here, too; over three days it is not.
    three_days = average_daily_balance(series((1, "100"), (3, "400")))
    assert three_days is not None
    assert three_days.balance == 200


def test_days_before_the_first_snapshot_do_not_count() -> None:
    average = average_daily_balance(series((3, "90")), "2025-01-01", "2025-01-04")
    assert average is not None
    assert (average.balance, average.days, average.days_unknown) == (90, 2, 2)
    assert average_daily_balance(series((3, "90")), "2025-01-01", "2025-01-02") is None
    earlier = average_daily_balance(series((1, "90")), "2025-01-10", "2025-01-11")
    assert earlier is not None
    assert (earlier.balance, earlier.days) == (90, 2)
    assert average_daily_balance([]) is None


def test_net_worth_subtracts_debts_and_keeps_currencies_apart() -> None:
    days = net_worth_by_day(
        [
            series((1, "1000"), (3, "900")),
            series((2, "-400"), account="card"),
            series((1, "50"), account="euros", currency="EUR"),
        ],
        "2025-01-01",
        "2025-01-03",
    )
    assert [(one.date.day, dict(one.totals), one.complete) for one in days] == [
        (1, {"USD": 1000, "EUR": 50}, False),
        (2, {"USD": 600, "EUR": 50}, True),
        (3, {"USD": 500, "EUR": 50}, True),
    ]
    assert net_worth_by_day([[], []]) == []


def test_two_currencies_in_one_series_are_never_added() -> None:
    mixed = [*series((1, "1")), *series((2, "2"), currency="EUR")]
    for figure in (get_trend, average_daily_balance, lambda rows: net_worth_by_day([rows])):
        with pytest.raises(CurrencyMismatchError, match="EUR and USD"):
            figure(mixed)


def test_sums_stay_exact_beyond_the_usual_precision() -> None:
    large = "123456789012345678901234567.89"
    (day,) = net_worth_by_day([series((1, large)), series((1, "0.01"), account="b")])
    assert day.totals["USD"] == Decimal("123456789012345678901234567.90")


def test_snapshot_in_json_has_a_text_for_an_amount() -> None:
    snapshot = track_balance("a", "5000.00", "2025-01-01", "USD")
    assert json.loads(snapshot.model_dump_json()) == {
        "account_id": "a",
        "balance": "5000.00",
        "date": "2025-01-01",
        "currency": "USD",
    }
