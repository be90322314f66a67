"""The reference set, and what the web application asks about it."""

import pytest
from graphql import build_schema
from tests.contract.sandbox_sequence.conftest import ORGANIZATION, Stage

from bursar.providers.sequence.sandbox.reference import id_of
from bursar.providers.sequence.sandbox.schema import sdl

# What the web application's own summary, activity page and accounts list ask for beside what methods need.
SUMMARY = """
query ActivitySummary {
  me {
    id
    settings { id showSinceYouveBeenGone }
    offer(location: ACTIVITY_SUMMARY) {
      id type name userId status linkedPodId linkedAccountId linkedTransferReferenceId data location createdAt updatedAt
    }
  }
  activitySummary {
    id transferReferencesCount ruleExecutionsCount totalIncomingFundsInCents { cents formatted }
  }
}
"""
ACTIVITY_PAGE = """
query ActivityLogPage($organizationId: ID!) {
  me { id offer(location: ACTIVITY_LOG) { id } }
  organization(id: $organizationId) {
    id
    firstTransferDate
    kycs { id name kycType }
    plan { id name transactionsPerMonth transferExtraCharge { cents formatted } }
  }
}
"""
ACCOUNTS = """
query SelectSourceAndDestination {
  me { id memberships { id organization {
    id
    pods {
      id name icon type description createdAt linkedAccountId externalAccountId beneficiaryName bankAccountNumber
      routingNumber goalAmountInCents showSequenceBalance showManualLiabilityNotification
      showManualLiabilityFundsArrivedNotification
      linkedAccount { id name pendingDisconnectCode }
      limits { dailyCreditLimit { cents } remainingDailyCreditLimit { cents } remainingMonthlyCreditLimit { cents } }
      metadata { id balance { cents formatted } }
      liabilityMetadata {
        __typename
        ... on LiabilityMetadata {
          id name mask subtype balance { cents } balanceLastUpdated lastStatementBalance { cents }
          nextPaymentMinimumAmount { cents } nextPaymentDueDate interestRatePercentage institution { id name logo }
        }
        ... on ErrorMetadata { errorCode displayMessage }
      }
    }
    ports {
      id name icon description createdAt externalAccountId beneficiaryName bankAccountNumber routingNumber
      limits { dailyCreditLimit { cents } }
      metadata { id balance { cents formatted } }
    }
    accounts {
      id name icon type description createdAt providerType institutionName pendingDisconnectCode beneficiaryName
      bankAccountNumber routingNumber canBeSourceOfTransfer capabilities liabilityLinkedWithPlaid isPendingKyc
      metadata {
        __typename
        ... on PlaidMetadata { id balance { cents formatted } institution { id name logo } }
        ... on MethodMetadata { id balance { cents formatted } institution { id name logo } }
        ... on ManualAccountMetadata { id }
      }
    }
  } } }
}
"""
POD = """
query PodDrawerContent($organizationId: ID!, $id: ID!) {
  organization(id: $organizationId) { id pod(id: $id) {
    id name goalAmountInCents
    transferReferences(first: 5) { edges { cursor node { id } } pageInfo { hasNextPage } }
  } }
}
"""


def test_accounts_list_of_the_web_application_has_the_set(stage: Stage) -> None:
    [membership] = stage.ask(ACCOUNTS)["me"]["memberships"]
    organization = membership["organization"]
    assert organization["id"] == ORGANIZATION
    pods = [(pod["id"][-4:], pod["name"], pod["metadata"]["balance"]["formatted"]) for pod in organization["pods"]]
    assert pods == [
        ("0101", "Emergency Fund", "$1,500.00"),
        ("0102", "Groceries", "$425.00"),
        ("0103", "Rent", "$2,400.00"),
        ("0104", "Vacation Savings", "$675.00"),
    ]
    assert sum(pod["metadata"]["balance"]["cents"] for pod in organization["pods"]) == 500_000
    assert {pod["type"] for pod in organization["pods"]} == {"REGULAR"}
    assert [pod["metadata"]["id"][-4:] for pod in organization["pods"]] == ["0601", "0602", "0603", "0604"]
    [port] = organization["ports"]
    assert (port["name"], port["metadata"]["balance"]["cents"], port["metadata"]["id"][-4:]) == (
        "Paycheck",
        312_044,
        "0701",
    )
    accounts = [
        (one["type"], one["providerType"], one["institutionName"], one["canBeSourceOfTransfer"], one["metadata"])
        for one in organization["accounts"]
    ]
    assert [one[:4] for one in accounts] == [
        ("CHECKING", "PLAID", "First Demo Bank", True),
        ("CREDIT_CARD", "METHOD", "Demo Card Co", False),
        ("LOAN", "MANUAL", None, False),
    ]
    assert [one[4]["__typename"] for one in accounts] == ["PlaidMetadata", "MethodMetadata", "ManualAccountMetadata"]
    assert [one[4].get("balance", {}).get("cents") for one in accounts] == [250_000, 84_215, None]


def test_transfers_are_the_five_of_the_set_newest_first(stage: Stage) -> None:
    transfers = stage.transfers()
    assert [(one["id"][-4:], one["createdAt"], one["status"], one["amount"]["cents"]) for one in transfers] == [
        ("0901", "2025-01-15T15:30:00.000Z", "COMPLETE", 5_000),
        ("0902", "2025-01-14T18:05:00.000Z", "PENDING", 10_000),
        ("0903", "2025-01-10T13:00:00.000Z", "COMPLETE", 80_000),
        ("0904", "2025-01-10T12:58:00.000Z", "COMPLETE", 300_000),
        ("0905", "2025-01-08T20:00:00.000Z", "FAILED", 90_000),
    ]
    assert [
        (one["source"]["name"], one["destination"]["name"], one["direction"], one["activityType"]) for one in transfers
    ] == [
        ("Emergency Fund", "Groceries", "INTERNAL", "ONE_TIME_TRANSFER"),
        ("Everyday Checking", "Emergency Fund", "INCOMING", "ONE_TIME_TRANSFER"),
        ("Paycheck", "Rent", "INTERNAL", "RULE"),
        ("ACME PAYROLL", "Paycheck", "INCOMING", "DIRECT_DEPOSIT"),
        ("Groceries", "Everyday Checking", "OUTGOING", "ACH"),
    ]
    first, second, third, fourth, fifth = transfers
    assert first["description"] == "Weekly groceries"
    assert first["details"]["status"]["completedAt"] == "2025-01-15T15:31:00.000Z"
    assert second["details"]["pullPaymentStatus"]["expectedCompletionDate"] == "2025-01-17"
    assert second["details"]["pushPaymentStatus"] is None
    assert (third["type"], third["ruleDetails"]) == (
        "RULE",
        {"triggerType": "SCHEDULED", "triggerCron": "0 13 10 * *"},
    )
    assert (fourth["type"], fourth["details"]) == ("MONEY_IN", None)
    assert (fifth["errorReason"], fifth["details"]) == ("INSUFFICIENT_FUNDS", None)


def test_summary_of_the_web_application_counts_the_month_in_new_york(stage: Stage) -> None:
    told = stage.ask(SUMMARY)
    assert told["me"] == {
        "id": id_of(3),
        "settings": {"id": id_of(5), "showSinceYouveBeenGone": False},
        "offer": None,
    }
    expected = {
        "id": id_of(6),
        "transferReferencesCount": 5,
        "ruleExecutionsCount": 1,
        "totalIncomingFundsInCents": {"cents": 300_000, "formatted": "$3,000.00"},
    }
    assert told["activitySummary"] == expected
    # Four hours into February in Greenwich it is still January in New York.
    stage.control("clock", set="2025-02-01T04:30:00+00:00")
    assert stage.ask(SUMMARY)["activitySummary"]["transferReferencesCount"] == 5
    stage.control("clock", set="2025-02-01T05:00:00+00:00")
    assert stage.ask(SUMMARY)["activitySummary"]["transferReferencesCount"] == 0


def test_activity_page_of_the_web_application_is_served(stage: Stage) -> None:
    organization = stage.ask(ACTIVITY_PAGE, {"organizationId": ORGANIZATION})["organization"]
    assert organization["firstTransferDate"] == "2025-01-08T20:00:00.000Z"
    assert organization["kycs"] == [{"id": id_of(2), "name": "Jordan Rivera", "kycType": "INDIVIDUAL"}]
    assert organization["plan"]["id"] == id_of(9)


def test_pod_shows_the_transfers_that_touch_it(stage: Stage) -> None:
    pod = stage.ask(POD, {"organizationId": ORGANIZATION, "id": id_of(101)})["organization"]["pod"]
    assert [edge["node"]["id"][-4:] for edge in pod["transferReferences"]["edges"]] == ["0901", "0902"]
    assert stage.ask(POD, {"organizationId": ORGANIZATION, "id": id_of(104)})["organization"]["pod"] == {
        "id": id_of(104),
        "name": "Vacation Savings",
        "goalAmountInCents": 100_000,
        "transferReferences": {"edges": [], "pageInfo": {"hasNextPage": False}},
    }


def test_unknown_pod_and_unknown_transfer_are_plain_null(stage: Stage) -> None:
    query = "query Q($o: ID!, $i: ID!) { organization(id: $o) { pod(id: $i) { id } transferReference(id: $i) { id } } }"
    told = stage.ask(query, {"o": ORGANIZATION, "i": id_of(4242)})
    assert told == {"organization": {"pod": None, "transferReference": None}}


@pytest.mark.parametrize("number", [11, 4242])
def test_organization_of_others_is_forbidden_like_one_that_does_not_exist(stage: Stage, number: int) -> None:
    answer = stage.post("query Q($o: ID!) { organization(id: $o) { id } }", {"o": id_of(number)})
    assert answer.status_code == 200
    assert answer.json()["data"] == {"organization": None}
    [error] = answer.json()["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("FORBIDDEN", ["organization"])


def test_second_user_sees_the_other_organization_only(stage: Stage) -> None:
    stage.token = stage.control("tokens/issue", user_id=id_of(13)).json()["access_token"]
    [membership] = stage.ask(ACCOUNTS)["me"]["memberships"]
    assert [pod["name"] for pod in membership["organization"]["pods"]] == ["Joint"]
    refused = stage.post("query Q($o: ID!) { organization(id: $o) { id } }", {"o": ORGANIZATION}).json()
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def test_schema_does_not_describe_itself_unless_it_is_allowed_to(stage: Stage) -> None:
    answer = stage.post("{ __schema { types { name } } }")
    assert answer.status_code == 400
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"INTROSPECTION_DISABLED"}
    assert stage.post('{ __type(name: "Pod") { name } }').status_code == 400
    assert stage.ask("{ __typename me { __typename } }") == {"__typename": "Query", "me": {"__typename": "User"}}
    stage.control("manners", allows_introspection=True)
    assert stage.ask('{ __type(name: "Pod") { name } }') == {"__type": {"name": "Pod"}}


def test_schema_can_be_built_by_whoever_validates_documents() -> None:
    schema = build_schema(sdl())
    assert {"Offer", "TransferParticipant", "CreatePaymentResult"} <= set(schema.type_map)
    assert "kycs" in schema.type_map["Organization"].fields


def test_reset_undoes_everything(stage: Stage) -> None:
    stage.paid(1_000, 101, 102)
    stage.control("faults", kind="status", status=503)
    stage.control("strict", headers=True)
    stage.control("clock", advance={"days": 3})
    stage.control("reset")
    stage.token = stage.control("tokens/issue").json()["access_token"]
    assert len(stage.transfers()) == 5
    assert stage.balances()["0101"] == 150_000
    assert stage.control("clock").json() == {"now": "2025-01-15T16:00:00+00:00"}
