"""Does the published client for Sequence find in our simulator what ours finds there?"""

import json
import os
import subprocess
import sys

# Its addresses are constants, and its browser is the one that Playwright would download: both are set from outside.
WITNESS = """
import json, sys
import pysequence_sdk.client as theirs
from pysequence_sdk import SequenceClient
origin, token, org, pod, other, kyc = sys.argv[1:7]
theirs.GRAPHQL_ENDPOINT, theirs.ORIGIN = f"{origin}/api/graphql", origin
with SequenceClient(token) as client:
    told = {
        "pods": client.get_pods(),
        "total": client.get_total_balance(),
        "pod": client.get_pod_balance("savings"),
        "summary": client.get_activity_summary(),
        "activity": client.get_activity(org, first=3, statuses=["COMPLETE"]),
        "detail": client.get_transfer_detail(org, sys.argv[7]),
        "accounts": client.get_all_accounts(org),
        "pod_name": client.get_pod_detail(org, pod)["name"],
        "me": client.execute("query Mine { me { id } }", operation_name="Mine"),
        "transfer": client.transfer(kyc, pod, other, 500),
        "after": client.get_pod_balance("groceries"),
    }
print(json.dumps(told))
"""


def test_published_client_and_ours_find_the_same(client, simulated):
    org, (pod, other, *_) = simulated.org_id, simulated.pods
    ours = {
        "pods": client.get_pods(),
        "total": client.get_total_balance(),
        "pod": client.get_pod_balance("savings"),
        "summary": client.get_activity_summary(),
        "activity": client.get_activity(org, first=3, statuses=["COMPLETE"]),
        "me": client.execute("query Mine { me { id } }", operation_name="Mine"),
        "pod_name": client.get_pod_detail(org, pod)["name"],
    }
    detail = client.get_transfer_detail(org, ours["activity"]["transfers"][0]["id"])
    accounts = client.get_all_accounts(org)
    arguments = [simulated.app, simulated.token(), org, pod, other, simulated.kyc_id, detail["id"]]
    run = subprocess.run(
        [sys.executable, "-c", WITNESS, *arguments], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    theirs = json.loads(run.stdout)
    assert {name: theirs[name] for name in ours} == ours
    assert theirs["after"]["balance_cents"] == 43_000
    assert client.get_pod_balance("groceries")["balance_cents"] == 43_000
    assert theirs["detail"]["details"] == detail["details"]
    for kind, listed in theirs["accounts"].items():
        # Ours say more about each, such as the organization that a model of the same name asks for.
        assert [
            {name: one[name] for name in known} for known, one in zip(listed, accounts[kind], strict=True)
        ] == listed
