"""A simulated Sequence on two ports, and a plain HTTP client in front of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from bursar.providers.sequence.sandbox import Simulator, serving
from bursar.providers.sequence.sandbox.reference import id_of

RESPONSE_JSON = "application/graphql-response+json"
ORGANIZATION, KYC = id_of(1), id_of(2)

TRANSFERS = """
query ActivityLogV2Transfers($organizationId: ID!, $transferFilter: TransferReferenceFilter!, $first: Int!, $after: String) {
  organization(id: $organizationId) {
    id
    transferReferences(filter: $transferFilter, first: $first, after: $after) {
      pageInfo { startCursor endCursor hasPreviousPage hasNextPage }
      edges {
        cursor
        node {
          id type status errorReason createdAt updatedAt direction activityType description
          amount { cents formatted }
          source { __typename ...party }
          destination { __typename ...party }
          details {
            __typename
            ... on SimpleTransferDetails { status { ...leg } }
            ... on CompoundTransferDetails {
              pullPaymentStatus { ...leg } pushPaymentStatus { ...leg } reversalPaymentStatus { ...leg }
            }
          }
          ruleDetails { triggerType triggerCron }
        }
      }
    }
  }
}
fragment party on TransferParticipant {
  ... on Pod { id name icon }
  ... on Port { id name icon }
  ... on Account { id name icon }
  ... on Merchant { id name icon }
  ... on ExternalEntity { name }
}
fragment leg on PaymentStatus { status createdAt completedAt expectedCompletionDate }
"""  # noqa: E501

PAYMENT = """
mutation CreatePayment($id: ID!, $source: PaymentAccountInput!, $destination: PaymentAccountInput!, $amount: Int!) {
  forKYC(id: $id) {
    createPayment(fields: {amount: $amount, source: $source, destination: $destination, achDescription: "Top up"}) {
      ok { organization { id pods { id metadata { balance { cents } } } } }
      error { message }
    }
  }
}
"""

BALANCES = """
query Balances { me { memberships { organization {
  pods { id metadata { balance { cents } } }
  ports { id metadata { balance { cents } } }
  accounts { id metadata {
    ... on PlaidMetadata { balance { cents } }
    ... on MethodMetadata { balance { cents } }
    ... on ManualAccountMetadata { balance { cents } }
  } }
} } } }
"""


@dataclass
class Stage:
    """A simulator, both of its origins, and a token that is good."""

    simulator: Simulator
    app: httpx2.Client
    auth: httpx2.Client
    token: str = field(default="", repr=False)

    def post(self, query: str, variables: dict | None = None, **headers: str) -> httpx2.Response:
        sent = {"authorization": f"Bearer {self.token}", "accept": RESPONSE_JSON}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.app.post("/api/graphql", json={"query": query, "variables": variables or {}}, headers=sent)

    def ask(self, query: str, variables: dict | None = None) -> Any:
        answer = self.post(query, variables)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert "errors" not in told, told
        return told["data"]

    def page(self, wanted: dict | None = None, *, first: int = 10, after: str = "") -> dict:
        variables = {"organizationId": ORGANIZATION, "transferFilter": wanted or {}, "first": first, "after": after}
        return self.ask(TRANSFERS, variables)["organization"]["transferReferences"]

    def transfers(self, wanted: dict | None = None, *, first: int = 100) -> list[dict]:
        """Every transfer that a filter lets through, page by page."""
        found, after = [], ""
        while True:
            page = self.page(wanted, first=first, after=after)
            found += [edge["node"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    def pay(self, cents: int, source: int | str, destination: int | str, **changed: Any) -> httpx2.Response:
        """A payment between places named by the four digits of their ids."""
        variables = {"id": KYC, "amount": cents, "source": place(source), "destination": place(destination)}
        return self.post(PAYMENT, variables | changed)

    def paid(self, cents: int, source: int, destination: int) -> dict:
        """The newest transfer, after a payment that was accepted."""
        answer = self.pay(cents, source, destination).json()
        assert answer["data"]["forKYC"]["createPayment"]["error"] is None, answer
        return self.page(first=1)["edges"][0]["node"]

    def balances(self) -> dict[str, int | None]:
        """Cents by the last four digits of a place's id."""
        organization = self.ask(BALANCES)["me"]["memberships"][0]["organization"]
        found: dict[str, int | None] = {}
        for kind in ("pods", "ports", "accounts"):
            for one in organization[kind]:
                balance = one["metadata"]["balance"]
                found[one["id"][-4:]] = balance["cents"] if balance else None
        return found

    def control(self, path: str, /, **body: Any) -> httpx2.Response:
        return self.app.post(f"/_control/{path}", json=body).raise_for_status()

    def refresh(self, **changed: Any) -> httpx2.Response:
        body = {"grant_type": "refresh_token", "client_id": "demo-client", **changed}
        return self.auth.post("/oauth/token", json=body)


def place(number: int | str) -> dict[str, str]:
    """Such as 101, or POD:0101 where the kind is not the one of the number."""
    kind, _, digits = str(number).rpartition(":")
    kinds = {"1": "POD", "2": "PORT", "3": "ACCOUNT"}
    return {"id": id_of(int(digits)), "type": kind or kinds[f"{int(digits):04d}"[1]]}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with (
        serving(Simulator()) as simulator,
        # Loading certificates takes longer than most of these tests, and nothing here is encrypted.
        httpx2.Client(base_url=simulator.origins.app, verify=False) as app,
        httpx2.Client(base_url=simulator.origins.auth, verify=False) as auth,
    ):
        yield Stage(simulator, app, auth, app.post("/_control/tokens/issue").json()["access_token"])
