"""Are our documents valid against Sequence's schema, and do they ask for what the mapping needs?"""

from pathlib import Path

import pytest
from graphql import (
    GraphQLUnionType,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    parse,
    validate,
    visit,
)

from bursar.providers.sequence.sdk import documents

SCHEMA = build_schema((Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8"))
NAMES = sorted(name for name in vars(documents) if name.isupper() and f"{name}_OPERATION" in vars(documents))


def document(name: str) -> str:
    return vars(documents)[name]


def test_there_is_a_document_for_each_operation_of_the_web_application():
    assert {vars(documents)[f"{name}_OPERATION"] for name in NAMES} == {
        "SelectSourceAndDestination",
        "PodDrawerContent",
        "CreatePayment",
        "ActivitySummary",
        "ActivityLogV2Transfers",
        "TransferReferenceDrawerContentV2",
    }


@pytest.mark.parametrize("name", NAMES)
def test_document_is_valid_and_carries_its_operation_name(name: str):
    parsed = parse(document(name))
    assert validate(SCHEMA, parsed) == []
    operations = [node.name.value for node in parsed.definitions if isinstance(node, OperationDefinitionNode)]
    assert operations == [vars(documents)[f"{name}_OPERATION"]]


@pytest.mark.parametrize("name", NAMES)
def test_every_union_is_asked_for_its_type(name: str):
    info = TypeInfo(SCHEMA)
    missing: list[str] = []

    class Unions(Visitor):
        def enter_selection_set(self, node, *_):
            kind = info.get_type()
            if isinstance(kind, GraphQLUnionType):
                asked = [getattr(one, "name", None) and one.name.value for one in node.selections]
                # A fragment on the union asks itself; its own selection is visited, too.
                if "__typename" not in asked and not any(one.kind == "fragment_spread" for one in node.selections):
                    missing.append(kind.name)

    visit(parse(document(name)), TypeInfoVisitor(info, Unions()))
    assert missing == []


def test_nobody_asks_for_the_balance_of_an_account_that_was_typed_in():
    told = document("ACCOUNTS").split("ManualAccountMetadata")[1].split("}")[0]
    assert told.split() == ["{", "id"]


@pytest.mark.parametrize("name", ["POD", "ACTIVITY", "DETAIL"])
@pytest.mark.parametrize("party", ["Pod", "Port", "Account", "Merchant", "ExternalEntity"])
def test_every_kind_of_party_is_asked_for_its_name(name: str, party: str):
    (asked,) = [line for line in document(name).splitlines() if f"... on {party} " in line]
    assert "name" in asked.split()


def test_transfer_asks_for_no_more_than_its_outcome():
    assert "transferReferences" not in document("TRANSFER")
