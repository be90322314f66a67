"""What do callers get for what Sequence answers, whole, broken and with holes?"""

import json
import logging

import pytest

from bursar.providers.sequence import GraphQLError, NotFoundError, TransportError
from bursar.providers.sequence.sdk import models

P = "7d3f1c52-5a0b-4b7e-9a61-2f60c1d4"
ORG, EMERGENCY = f"{P}0001", f"{P}0101"


def test_pods_are_listed_with_their_balances(client, wire, example):
    wire.say(example("accounts"))
    assert client.get_pods()[0] == {
        "id": EMERGENCY,
        "name": "Emergency Fund",
        "organization_id": ORG,
        "balance_cents": 150000,
        "balance": "$1,500.00",
    }
    assert wire.asked[0].body.keys() == {"query", "operationName"}
    assert wire.asked[0].operation == "SelectSourceAndDestination"


def test_total_counts_pods_only(client, wire, example):
    wire.say(example("accounts"))
    assert client.get_total_balance() == {
        "total_balance_cents": 500000,
        "total_balance": "$5,000.00",
        "pod_count": 4,
    }


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("emergency", "Emergency Fund"),
        ("EMERGENCY FUND", "Emergency Fund"),
        ("savings", "Vacation Savings"),
        ("en", None),
        ("nothing", None),
        ("", None),
        ("  ", None),
    ],
)
def test_pod_is_found_by_name_or_by_the_only_one_that_contains_it(client, wire, example, asked, found):
    wire.say(example("accounts"))
    pod = client.get_pod_balance(asked)
    assert (pod and pod["name"]) == found


def test_first_pod_of_a_shared_name_is_found_and_sharp_s_is_ss(client, wire, example):
    answer = example("accounts")
    pods = answer["me"]["memberships"][0]["organization"]["pods"]
    pods[1]["name"], pods[2]["name"], pods[3]["name"] = "Straße", "STRASSE", "Strasse 2"
    wire.say(answer)
    assert client.get_pod_balance("strasse")["id"] == f"{P}0102"


def test_accounts_of_every_kind_carry_their_organization(client, wire, example):
    wire.say(example("accounts"))
    found = client.get_all_accounts()
    assert found["pods"][0] == {
        "id": EMERGENCY,
        "name": "Emergency Fund",
        "organization_id": ORG,
        "type": "REGULAR",
        "balance_cents": 150000,
        "balance": "$1,500.00",
    }
    assert found["ports"] == [
        {
            "id": f"{P}0201",
            "name": "Paycheck",
            "organization_id": ORG,
            "balance_cents": 312044,
            "balance": "$3,120.44",
        }
    ]
    assert found["accounts"][1] == {
        "id": f"{P}0303",
        "name": "Car Loan",
        "organization_id": ORG,
        "type": "LOAN",
        "provider_type": "MANUAL",
        "institution": None,
        "balance_cents": 0,
        "balance": "$0.00",
    }


def test_typed_accounts_tell_an_unknown_balance_from_an_empty_one(client, wire, example):
    answer = example("accounts")
    organization = answer["me"]["memberships"][0]["organization"]
    organization["pods"][0]["metadata"]["balance"]["cents"] = 0
    wire.say(answer)
    found = client.read_accounts()
    assert found.pods[0].balance_cents == 0
    assert found.accounts[1].balance_cents is None
    assert found.accounts[1].balance is None


def test_accounts_of_one_organization_are_filtered_and_an_unknown_one_has_none(client, wire, example):
    wire.say(example("accounts"))
    assert len(client.get_all_accounts(ORG)["pods"]) == 4
    assert client.get_all_accounts("nobody") == {"pods": [], "ports": [], "accounts": []}


def test_pod_detail_is_as_received_with_its_transfers_in_new_york(client, wire, example):
    wire.say(example("pod"))
    expected = example("pod")["organization"]["pod"]
    expected["transferReferences"]["edges"][0]["node"]["createdAt"] = "2025-01-15T10:30:00-05:00"
    assert client.get_pod_detail(ORG, EMERGENCY) == expected
    assert wire.asked[0].body["variables"] == {"organizationId": ORG, "id": EMERGENCY}


def test_account_numbers_survive_json_and_not_a_log_line(client, wire, example, caplog):
    wire.say(example("pod"))
    detail = client.get_pod_detail(ORG, EMERGENCY)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("tests").info("detail: %s", detail)
    assert "000123456789" in json.dumps(detail)
    assert "000123456789" not in caplog.text
    assert "021000021" not in caplog.text
    assert "'****6789'" in caplog.text


def test_summary_is_renamed(client, wire, example):
    wire.say(example("summary"))
    assert client.get_activity_summary() == {
        "transfer_count": 5,
        "rule_executions": 1,
        "total_incoming_cents": 300000,
        "total_incoming": "$3,000.00",
    }


def test_activity_page_is_renamed_and_in_new_york_time(client, wire, example):
    wire.say(example("activity"))
    page = client.get_activity(ORG)
    assert page["transfers"][0] == {
        "id": f"{P}0901",
        "type": "ONE_TIME_TRANSFER",
        "status": "COMPLETE",
        "error_reason": None,
        "created_at": "2025-01-15T10:30:00-05:00",
        "updated_at": "2025-01-15T10:31:00-05:00",
        "amount_cents": 5000,
        "amount": "$50.00",
        "source": {"__typename": "Pod", "id": EMERGENCY, "name": "Emergency Fund", "icon": "umbrella"},
        "destination": {"__typename": "Pod", "id": f"{P}0102", "name": "Groceries", "icon": "cart"},
        "direction": "INTERNAL",
        "activity_type": "ONE_TIME_TRANSFER",
    }
    assert page["page_info"] == {"end_cursor": "Y3Vyc29yOjkwNA==", "has_next_page": False}
    assert wire.asked[0].body["variables"] == {"organizationId": ORG, "transferFilter": {}, "first": 10, "after": ""}


def test_activity_filter_names_only_what_was_asked_for(client, wire, example):
    wire.say(example("activity"))
    client.get_activity(
        ORG,
        25,
        "cursor",
        date_end="2025-01-31",
        statuses=["COMPLETE"],
        directions=["INCOMING"],
        activity_types=["ACH"],
        hide_internal=True,
        name="acme",
    )
    assert wire.asked[0].body["variables"] == {
        "organizationId": ORG,
        "first": 25,
        "after": "cursor",
        "transferFilter": {
            "createdAt": {"end": "2025-01-31"},
            "statuses": ["COMPLETE"],
            "directions": ["INCOMING"],
            "activityTypes": ["ACH"],
            "hideInternalTransfers": True,
            "name": "acme",
        },
    }


def test_filter_that_is_one_text_is_refused_before_it_is_sent(client, wire):
    with pytest.raises(ValueError, match="statuses"):
        client.get_activity(ORG, statuses="COMPLETE")
    assert wire.asked == []


LEG = {"status": "PENDING", "createdAt": "2025-01-14T18:05:00.000Z", "completedAt": None}


def detail_of(client, wire, example, **members):
    answer = example("detail")
    answer["organization"]["transferReference"] |= members
    wire.say(answer)
    return client.get_transfer_detail(ORG, f"{P}0901")


def test_simple_transfer_has_one_leg_and_the_rule_that_made_it(client, wire, example):
    status = {
        "status": "COMPLETE",
        "createdAt": "2025-01-10T13:00:00.000Z",
        "completedAt": "2025-01-10T13:00:02.000Z",
        "expectedCompletionDate": None,
    }
    detail = detail_of(
        client,
        wire,
        example,
        details={"__typename": "SimpleTransferDetails", "status": status},
        ruleDetails={"triggerType": "SCHEDULED", "triggerCron": "0 13 10 * *"},
    )
    assert detail["details"] == {
        "type": "simple",
        "status": "COMPLETE",
        "created_at": "2025-01-10T08:00:00-05:00",
        "completed_at": "2025-01-10T08:00:02-05:00",
        "expected_completion": None,
    }
    assert detail["rule"] == {"trigger_type": "SCHEDULED", "trigger_cron": "0 13 10 * *"}


def test_compound_transfer_has_legs_that_may_be_missing(client, wire, example):
    pull = {**LEG, "expectedCompletionDate": "2025-01-17"}
    detail = detail_of(
        client,
        wire,
        example,
        details={"__typename": "CompoundTransferDetails", "pullPaymentStatus": pull, "pushPaymentStatus": None},
    )
    assert detail["details"] == {
        "type": "compound",
        "pull": {
            "status": "PENDING",
            "created_at": "2025-01-14T13:05:00-05:00",
            "completed_at": None,
            "expected_completion": "2025-01-17",
        },
        "push": None,
        "reversal": None,
    }
    assert "rule" not in detail


def test_kind_of_details_that_nobody_knows_is_named(client, wire, example):
    detail = detail_of(client, wire, example, details={"__typename": "WireTransferDetails"})
    assert detail["details"] == {"type": "unknown", "typename": "WireTransferDetails"}


def test_transfer_without_details_has_no_such_members(client, wire, example):
    assert {"details", "rule"}.isdisjoint(detail_of(client, wire, example, details=None, ruleDetails=None))


# --- what is null or missing ---


def test_null_metadata_balance_and_formatted_are_no_values(client, wire, example):
    answer = example("accounts")
    pods = answer["me"]["memberships"][0]["organization"]["pods"]
    pods[0]["metadata"] = None
    pods[1]["metadata"]["balance"] = None
    del pods[2]["metadata"]
    pods[3]["metadata"]["balance"]["formatted"] = None
    wire.say(answer)
    told = [(pod["balance_cents"], pod["balance"]) for pod in client.get_pods()]
    assert told == [(0, "$0.00")] * 3 + [(67500, "$675.00")]


def test_transfer_with_holes_keeps_what_is_known(client, wire, example):
    answer = example("activity")
    node = answer["organization"]["transferReferences"]["edges"][0]["node"]
    node |= {"amount": None, "source": None, "destination": None, "direction": None, "activityType": None}
    answer["organization"]["transferReferences"]["pageInfo"]["endCursor"] = None
    wire.say(answer)
    page = client.get_activity(ORG)
    (told, _) = page["transfers"]
    assert (told["amount_cents"], told["amount"], told["source"], told["destination"]) == (None, None, {}, {})
    assert page["page_info"]["end_cursor"] == ""
    typed = models.ActivityPage.model_validate(page).transfers[0]
    assert (typed.source.name, typed.direction, typed.activity_type) == ("Unknown", "UNKNOWN", "UNKNOWN")
    assert typed.amount_cents is None


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda c: c.get_pods(), {"me": None}),
        (lambda c: c.get_pods(), {"me": {"memberships": [{"organization": None}]}}),
        (lambda c: c.get_pod_detail(ORG, "x"), {"organization": None}),
        (lambda c: c.get_pod_detail(ORG, "x"), {"organization": {"id": ORG, "pod": None}}),
        (lambda c: c.get_activity(ORG), {"organization": None}),
        (lambda c: c.get_transfer_detail(ORG, "x"), {"organization": {"id": ORG, "transferReference": None}}),
        (lambda c: c.get_activity_summary(), {"activitySummary": None}),
    ],
)
def test_what_is_null_is_not_found(client, wire, call, answer):
    wire.say(answer)
    with pytest.raises(NotFoundError):
        call(client)


@pytest.mark.parametrize(
    "answer",
    [
        {"me": {"id": "u"}},
        {"me": {"memberships": None}},
        {"me": {"memberships": [{"organization": {"id": "o"}}]}},
        {"me": {"memberships": [{"organization": {"id": "o", "pods": [None]}}]}},
        {"me": []},
        {"me": {"memberships": [{"organization": {"pods": [{"metadata": {"balance": {"cents": 1.5}}}]}}]}},
        {"me": {"memberships": [{"organization": {"pods": [{"metadata": {"balance": {"cents": True}}}]}}]}},
        {"me": {"memberships": [{"organization": {"pods": [{"metadata": {"balance": {"cents": "5"}}}]}}]}},
    ],
)
def test_answer_that_lacks_its_lists_is_an_error_and_never_an_empty_list(client, wire, answer):
    wire.say(answer)
    with pytest.raises(TransportError):
        client.get_pods()


# --- models ---


@pytest.mark.parametrize(
    ("model", "method", "name"),
    [
        (models.TotalBalance, "get_total_balance", "accounts"),
        (models.AllAccounts, "get_all_accounts", "accounts"),
        (models.ActivitySummary, "get_activity_summary", "summary"),
    ],
)
def test_models_accept_what_the_methods_return(client, wire, example, model, method, name):
    wire.say(example(name))
    told = getattr(client, method)()
    assert model.model_validate(told).model_dump(include=set(told)).keys() == told.keys()


def test_models_accept_pods_pages_and_details(client, wire, example):
    wire.say(example("accounts"))
    assert next(models.Pod.model_validate(pod).balance for pod in client.get_pods()) == "$1,500.00"
    wire.say(example("activity"))
    page = models.ActivityPage.model_validate(client.get_activity(ORG))
    assert [one.source.name for one in page.transfers] == ["Emergency Fund", "ACME PAYROLL"]
    assert (page.transfers[0].source.id, page.transfers[0].source.kind) == (EMERGENCY, "Pod")
    wire.say(example("detail"))
    assert models.Transfer.model_validate(client.get_transfer_detail(ORG, "x")).amount_cents == 5000


def test_word_that_nobody_knows_is_kept(client, wire, example):
    answer = example("activity")
    node = answer["organization"]["transferReferences"]["edges"][0]["node"]
    node |= {"status": "ON_THE_MOON", "direction": "SIDEWAYS", "activityType": "GIFT"}
    wire.say(answer)
    told = models.ActivityPage.model_validate(client.get_activity(ORG)).transfers[0]
    assert (told.status, told.direction, told.activity_type) == ("ON_THE_MOON", "SIDEWAYS", "GIFT")


# --- the whole log, and any document ---


def page_of(example, cursor, more):
    answer = example("activity")
    answer["organization"]["transferReferences"]["pageInfo"] = {"endCursor": cursor, "hasNextPage": more}
    return answer


def test_whole_log_is_read_page_after_page(client, wire, example):
    wire.say(page_of(example, "one", True), page_of(example, "two", True), page_of(example, "three", False))
    assert len(list(client.iter_activity(ORG, hide_internal=True))) == 6
    assert [one.body["variables"]["after"] for one in wire.asked] == ["", "one", "two"]
    assert all(one.body["variables"]["transferFilter"] == {"hideInternalTransfers": True} for one in wire.asked)


def test_page_that_comes_back_ends_the_reading(client, wire, example):
    wire.say(page_of(example, "one", True), page_of(example, "one", True))
    with pytest.raises(TransportError, match="twice"):
        list(client.iter_activity(ORG))


def test_any_document_can_be_sent(client, wire):
    wire.say({"me": {"id": "u"}})
    assert client.execute("query Mine($a: Int) { me { id } }", {"a": 1}, "Mine") == {"me": {"id": "u"}}
    assert client.execute("{ me { id } }") == {"me": {"id": "u"}}
    assert wire.asked[0].body == {
        "query": "query Mine($a: Int) { me { id } }",
        "variables": {"a": 1},
        "operationName": "Mine",
    }
    assert wire.asked[1].body == {"query": "{ me { id } }"}


def test_error_of_any_document_keeps_the_document(client, wire, said):
    wire.say(said(body={"errors": [{"message": "no"}]}))
    with pytest.raises(GraphQLError) as caught:
        client.execute("{ nothing }")
    assert (caught.value.query, caught.value.errors) == ("{ nothing }", [{"message": "no"}])
