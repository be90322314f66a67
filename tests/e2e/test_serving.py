"""The long-running commands together: a simulated bank, a server with its worker, and the terminal beside them."""

import json
import re

import httpx2
import pytest


@pytest.fixture
def bank(served):
    """A running `bursar sandbox`; gives its address and the settings that it prints."""
    process = served("sandbox", "--port", "0", "--seed", "5", BURSAR_SANDBOX_TOKEN="control")
    address = process.line_with("listens at ")
    process.line_with("Stop with Ctrl-C")
    exports = dict(re.match(r"\s+export (\w+)=(.*)", line).groups() for line in process.lines if "export" in line)
    return address, exports


def test_terminal_connects_the_simulator_and_reads_it(run, bank):
    address, exports = bank
    done = run("connect", "plaid", "--sandbox", address, "--institution", "ins_109509", BURSAR_SANDBOX_TOKEN="control")
    assert done.code == 0, done.err
    assert "Connected: First Gingham Credit Union" in done.out
    synced = run("sync", **exports)
    assert synced.code == 0, synced.err
    assert re.search(r"succeeded, transactions: \d+ created", synced.out)
    assert len(json.loads(run("accounts", "--json").out)["accounts"]) >= 1
    again = json.loads(run("sync", "--all", "--json", **exports).out)["runs"][0]
    assert again["counts"]["transactions"]["created"] == 0
    wrong = run("connect", "plaid", "--sandbox", address, "--institution", "ins_109509", "--sandbox-token", "wrong")
    assert wrong.code == 1
    assert "control token" in wrong.err


def test_connecting_in_two_steps_works_for_programs(run, bank):
    address, exports = bank
    begun = json.loads(run("connect", "plaid", "--json", **exports).out)
    assert begun["needs"] == ["public_token"]
    answer = httpx2.post(
        f"{address}/control/faces/plaid/complete_link",
        json={"link_token": begun["link_token"], "institution_id": "ins_109509"},
        headers={"Authorization": "Bearer control"},
    )
    words = ["--connection", begun["connection_id"], "--public-token", answer.json()["public_token"]]
    done = json.loads(run("connect", "plaid", "--json", *words, **exports).out)
    assert done["connection"]["status"] == "active"
    refused = run("connect", "plaid", *words[:2], "--public-token", "public-sandbox-nonsense", **exports)
    assert refused.code == 1
    assert refused.err.strip()


def test_server_with_its_worker_reads_what_a_client_connects(served, bank):
    address, exports = bank
    server = served("serve", "--port", "0", **exports)
    base = server.line_with("Bursar listens at ") + "/api/v1"
    token = server.line_with("shown this once: ")
    with httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=40) as client:
        begun = client.post("/connections", json={"provider": "plaid"}).json()["data"]
        link = httpx2.post(
            f"{address}/control/faces/plaid/complete_link",
            json={"link_token": begun["connect"]["link_token"], "institution_id": "ins_109509"},
            headers={"Authorization": "Bearer control"},
        ).json()
        body = {"connection_id": begun["id"], "public_token": link["public_token"]}
        assert client.post("/connections", json=body).json()["data"]["status"] == "active"
        run = client.get(f"/connections/{begun['id']}/syncs").json()["data"][0]
        run = client.get(f"/syncs/{run['id']}", params={"wait": "25"}).json()["data"]
        assert run["status"] == "succeeded", run
    assert server.stop() == 0


def test_port_that_is_taken_is_said(served, run):
    first = served("serve", "--port", "0", "--no-worker")
    port = first.line_with("Bursar listens at ").rpartition(":")[2]
    done = run("serve", "--port", port)
    assert done.code == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.err
    assert first.stop() == 0


def test_token_is_shown_at_the_first_start_only(served):
    first = served("serve", "--port", "0", "--no-worker")
    first.line_with("shown this once")
    first.line_with("Stop with Ctrl-C")
    assert first.stop() == 0
    second = served("serve", "--port", "0", "--no-worker")
    second.line_with("Stop with Ctrl-C")
    assert second.stop() == 0
    assert not any("shown this once" in line for line in second.lines)
