"""Each command, as people and programs use it, with good and bad input."""

import json
import re
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from bursar.cli import main
from bursar.registry import Registry


def test_import_then_every_view_shows_the_rows(run, statement):
    done = run("import", str(statement))
    assert done.code == 0, done.err
    assert "3 transactions read, imported: 3 new." in done.out
    accounts = json.loads(run("accounts", "--json").out)["accounts"]
    assert [(account["balance"], account["currency"]) for account in accounts] == [("3000.10", "USD")]
    assert re.search(r"3000\.10 +USD +active", run("accounts").out)
    rows = json.loads(run("transactions", "--json").out)["transactions"]
    assert [(row["transaction_date"], Decimal(row["amount"]), row["status"]) for row in rows] == [
        ("2026-01-31", Decimal("2500.00"), "settled"),
        ("2026-01-05", Decimal("-3.50"), "settled"),
        ("2026-01-05", Decimal("-3.50"), "settled"),
    ]
    assert all(isinstance(row["amount"], str) for row in rows)
    shown = run("transactions", "--text", "coffee").out
    assert shown.count("COFFEE [HOT]") == 2
    assert "SALARY" not in shown
    assert json.loads(run("changes", "--json").out) == {"changes": []}
    assert "Nothing has changed." in run("changes").out
    assert "ofx_file" in run("connections").out
    proof = json.loads(run("proof", "--json").out)["proofs"][0]
    assert (proof["status"], proof["reason"]) == ("unproven", "too_few_balances")
    assert "only one balance is stated" in run("proof", accounts[0]["id"]).out


def test_connections_show_their_state_and_files_cannot_be_paused(run, statement):
    run("import", str(statement))
    (connection,) = json.loads(run("connections", "--json").out)["connections"]
    assert [connection[name] for name in ("state", "reason", "action", "paused_at")] == ["ok", "complete", None, None]
    assert re.search(r"ofx_file .* ok +complete", run("connections").out)
    done = run("pause", connection["id"][-8:])
    assert (done.code, done.out) == (1, "")
    assert "fed by files" in done.err


def test_erasures_leave_proofs_that_are_shown_again(run, statement):
    assert "Nothing was erased." in run("erasures").out
    run("import", str(statement))
    (connection,) = json.loads(run("connections", "--json").out)["connections"]
    assert "bursar erasures" in run("disconnect", connection["id"], "--erase", "--yes").out
    (of_connection,) = json.loads(run("erasures", "--json").out)["connections"]
    assert (of_connection["connection_id"], of_connection["transaction_count"]) == (connection["id"], 3)
    proof = json.loads(run("erase", "--yes", "--json").out)
    # The ledger that is there now is another one, and has erased nothing.
    assert json.loads(run("erasures", "--json").out) == {"ledgers": [proof], "connections": []}
    listed = run("erasures").out
    assert "a ledger" in listed
    assert proof["id"][-8:] in listed
    whole = run("erasures", proof["id"][-8:]).out
    assert proof["id"] in whole
    assert proof["audit_hash"] in whole
    assert "audit_events" in whole
    nobodys = run("erasures", "--tenant", connection["id"], "--json")
    assert json.loads(nobodys.out) == {"ledgers": [], "connections": []}
    for words, code in ((("erasures", "ffffffff"), 1), (("erasures", "--tenant", "x"), 2)):
        assert run(*words).code == code


def test_import_again_and_dry_run_change_nothing(run, statement):
    rehearsed = run("import", "--dry-run", str(statement))
    assert "would be imported: 3 new" in rehearsed.out
    assert json.loads(run("transactions", "--json").out) == {"transactions": []}
    run("import", str(statement))
    assert "known already" in run("import", str(statement)).out
    assert len(json.loads(run("transactions", "--json").out)["transactions"]) == 3


def test_filters_of_transactions_narrow_the_list(run, statement):
    run("import", str(statement))
    account_id = json.loads(run("accounts", "--json").out)["accounts"][0]["id"]

    def count(*words: str) -> int:
        return len(json.loads(run("transactions", "--json", *words).out)["transactions"])

    assert count("--account", account_id[-8:]) == 3
    assert count("--start", "2026-01-06") == 1
    assert count("--end", "2026-01-05") == 2
    assert count("--status", "pending") == 0
    assert count("--limit", "2") == 2


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["import", "nowhere.qfx"], 1, "nowhere.qfx: No such file"),
        (["import"], 2, "Missing argument"),
        (["import", "page.qfx"], 1, "not that of a .qfx statement"),
        (["import", "page.html"], 1, "Unsupported file format"),
        (["import", "empty.qfx"], 1, "The file is empty"),
        (["import", "--currency", "XXL", "page.qfx"], 2, "ISO 4217"),
        (["import", "--account", "0000-none", "page.qfx"], 1, "no account '0000-none'"),
        (["nonsense"], 2, "No such command"),
        (["transactions", "--account", "deadbeef"], 1, "no account 'deadbeef'"),
        (["transactions", "--status", "gone"], 2, "pending, settled"),
        (["transactions", "--start", "yesterday"], 2, "yesterday"),
        (["transactions", "--start", "2026-02-01", "--end", "2026-01-01"], 2, "before --start"),
        (["transactions", "--limit", "0"], 2, "--limit"),
        (["proof", "deadbeef"], 1, "no account 'deadbeef'"),
        (["sync", "deadbeef"], 1, "no connection 'deadbeef'"),
        (["sync"], 1, "no connection to read"),
        (["sync", "deadbeef", "--all"], 2, "not both"),
        (["pause", "deadbeef"], 1, "no connection 'deadbeef'"),
        (["resume"], 2, "Missing argument"),
        (["connect", "northbank"], 1, "Supported providers"),
        (["connect", "plaid"], 1, "PLAID_CLIENT_ID"),
        (["connect", "ofx_file"], 1, "fed by files"),
        (["connect", "plaid", "--sandbox", "http://127.0.0.1:9"], 1, "simulator"),
        (["connect", "plaid", "--select-accounts"], 2, "--renew"),
        (["connect", "plaid", "--sandbox", "nowhere"], 1, "no address"),
        (["token", "revoke", "nobody"], 1, "no living token"),
        (["worker", "--heartbeat", "5", "--stalled-after", "6"], 2, "--stalled-after"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_ends_with_one_clear_message(run, tmp_path, words, code, text):
    for name in ("page.qfx", "page.html"):
        (tmp_path / name).write_text("<!doctype html><html><body>Please sign in</body></html>")
    (tmp_path / "empty.qfx").touch()
    done = run(*words)
    assert (done.code, done.out) == (code, "")
    assert text.lower() in done.err.lower()


def test_one_bad_file_among_good_ones_does_not_stop_them(run, statement):
    done = run("import", "nowhere.qfx", str(statement))
    assert done.code == 1
    assert "3 new" in done.out
    assert "nowhere.qfx" in done.err


def test_unreachable_database_is_said_without_a_traceback(run):
    done = run("accounts", BURSAR_DATABASE_URL="postgresql://user:hunter2@127.0.0.1:9/none")
    assert done.code == 1
    assert "database cannot be reached" in done.err
    assert "hunter2" not in done.err


def test_wrong_setting_is_named(run):
    done = run("accounts", BURSAR_PORT="high", BURSAR_MASTER_KEYS="m1:c2VjcmV0")
    assert done.code == 1
    assert "BURSAR_PORT" in done.err
    assert "c2VjcmV0" not in done.err


def test_doctor_finds_a_well_installation_well(run):
    providers = Registry.discover().providers
    settings = {name.upper(): "a value" for spec in providers.values() for name in spec.required_settings}
    done = run("doctor", "--json", **settings)
    assert done.code == 0, done.err
    checks = {check["name"]: check["verdict"] for check in json.loads(done.out)["checks"]}
    assert {"plaid", "flanks", "sequence", "teller", "mx", "finicity"} <= providers.keys()
    parts = ("database", "keys", *(f"provider {slug}" for slug in providers), "importer ofx")
    assert checks == dict.fromkeys(parts, "ok")
    unset = run("doctor")
    assert unset.code == 0
    assert re.search(r"provider plaid +missing +.*PLAID_CLIENT_ID, PLAID_SECRET", unset.out)
    assert re.search(r"provider flanks +missing +.*FLANKS_CLIENT_ID, FLANKS_CLIENT_SECRET", unset.out)


def test_doctor_finds_a_foreign_key_file(run, statement, environment):
    run("import", str(statement))
    keys = Path(environment["BURSAR_HOME"]) / "master.keys"
    keys.unlink()
    done = run("doctor", "--json")
    assert done.code == 1
    checks = {check["name"]: check["verdict"] for check in json.loads(done.out)["checks"]}
    assert checks["keys"] == "broken"


def test_doctor_finds_a_database_that_does_not_answer(run):
    done = run("doctor", "--json", BURSAR_DATABASE_URL="postgresql://127.0.0.1:9/none")
    assert done.code == 1
    assert [check["name"] for check in json.loads(done.out)["checks"]] == ["database"]


def test_rotated_keys_open_what_was_sealed_before(run, statement, environment):
    run("import", str(statement))
    keys = Path(environment["BURSAR_HOME"]) / "master.keys"
    before = [line for line in keys.read_text().splitlines() if not line.startswith("#")]
    done = run("keys", "rotate")
    assert done.code == 0, done.err
    assert re.search(r"Re-wrapped [1-9]", done.out)
    after = [line for line in keys.read_text().splitlines() if not line.startswith("#")]
    assert after[1:] == before
    assert keys.stat().st_mode & 0o077 == 0
    keys.write_text(after[0] + "\n")
    assert run("doctor").code == 0


def test_providers_and_version_are_listed(run):
    providers = {each["slug"]: each for each in json.loads(run("providers", "--json").out)["providers"]}
    assert providers["plaid"]["is_configured"] is False
    assert ".qfx" in providers["ofx_file"]["file_formats"]
    assert "settings missing" in run("providers").out
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run("version").out)


def test_base_install_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "typer", None)
    done = run("accounts")
    assert done.code == 1
    assert 'pip install "bursar[server]"' in done.err


def test_debug_shows_where_an_error_comes_from(run, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["bursar", "--debug", "proof", "deadbeef"])
    with pytest.raises(SystemExit):
        main()
    assert "Traceback" in capsys.readouterr().err


def test_token_is_created_and_revoked(run):
    token = run("token", "create", "--name", "phone").out.strip()
    assert token.startswith("bursar_")
    assert "Revoked 1." in run("token", "revoke", "phone").out
    assert run("token", "revoke", "phone").code == 1
