"""Do our requests to Plaid and our simulator's answers conform to the OpenAPI document that Plaid publishes?

The document (MIT licence, 3 MB, https://github.com/plaid/plaid-openapi) is not part of this repository. With a copy:

    uv run --with pyyaml --with openapi-schema-validator python tools/plaid_openapi.py PATH

Each call of our client goes to the simulator over HTTP; every request, answer, error and webhook is held to its schema.
Exits with 1 when one does not fit, or when a request has a member that the document does not know. Such members of
answers are listed: Plaid adds members without a new version, so a newer description may know them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.contract.sandbox_plaid.flow import run_flow

_WEBHOOKS = {
    ("TRANSACTIONS", "SYNC_UPDATES_AVAILABLE"): "SyncUpdatesAvailableWebhook",
    ("TRANSACTIONS", "INITIAL_UPDATE"): "InitialUpdateWebhook",
    ("TRANSACTIONS", "HISTORICAL_UPDATE"): "HistoricalUpdateWebhook",
    ("TRANSACTIONS", "DEFAULT_UPDATE"): "DefaultUpdateWebhook",
    ("TRANSACTIONS", "TRANSACTIONS_REMOVED"): "TransactionsRemovedWebhook",
    ("TRANSACTIONS", "RECURRING_TRANSACTIONS_UPDATE"): "RecurringTransactionsUpdateWebhook",
    ("ITEM", "ERROR"): "ItemErrorWebhook",
    ("ITEM", "LOGIN_REPAIRED"): "ItemLoginRepairedWebhook",
    ("ITEM", "PENDING_DISCONNECT"): "PendingDisconnectWebhook",
    ("ITEM", "NEW_ACCOUNTS_AVAILABLE"): "NewAccountsAvailableWebhook",
    ("ITEM", "USER_PERMISSION_REVOKED"): "UserPermissionRevokedWebhook",
    ("ITEM", "USER_ACCOUNT_REVOKED"): "UserAccountRevokedWebhook",
    ("ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED"): "WebhookUpdateAcknowledgedWebhook",
    ("HOLDINGS", "DEFAULT_UPDATE"): "HoldingsDefaultUpdateWebhook",
    ("INVESTMENTS_TRANSACTIONS", "DEFAULT_UPDATE"): "InvestmentsDefaultUpdateWebhook",
}


class Document:
    """The OpenAPI document."""

    def __init__(self, path: Path) -> None:
        self._tree = yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe one
        resource = DRAFT4.create_resource(self._tree)
        self._registry = Registry().with_resource("urn:plaid", resource)
        self.version: str = self._tree["info"]["version"]

    def request_of(self, path: str) -> dict[str, Any]:
        """The schema of a call's request."""
        return self._tree["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]

    def answer_of(self, path: str, status: int) -> dict[str, Any]:
        """The schema of a call's answer, or of its error."""
        answers = self._tree["paths"][path]["post"]["responses"]
        if status != 200 and "default" not in answers:
            return {"$ref": "#/components/schemas/PlaidError"}
        return answers["200" if status == 200 else "default"]["content"]["application/json"]["schema"]

    def misfits(self, schema: dict[str, Any], value: Any) -> Iterator[str]:
        """What does not fit the schema."""
        absolute = _absolute(schema)
        validator = OAS30Validator(absolute, registry=self._registry)
        for error in validator.iter_errors(value):
            yield f"{error.json_path}: {error.message[:160]}"

    def unknown(self, schema: dict[str, Any], value: Any, place: str = "$") -> Iterator[str]:
        """Which members the schema does not know."""
        if isinstance(value, list):
            for items in (each["items"] for each in self._parts(schema) if "items" in each):
                for one in value:
                    yield from self.unknown(items, one, f"{place}[]")
        if not isinstance(value, dict):
            return
        known: dict[str, Any] = {}
        for part in self._parts(schema):
            known |= part.get("properties", {})
        if not known:
            return
        for name, member in value.items():
            if name in known:
                yield from self.unknown(known[name], member, f"{place}.{name}")
            else:
                yield f"{place}.{name}"

    def _parts(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if "$ref" in schema:
            target: Any = self._tree
            for name in schema["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            yield from self._parts(target)
            return
        yield schema
        for word in ("allOf", "oneOf", "anyOf"):
            for one in schema.get(word, []):
                yield from self._parts(one)


def _absolute(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: f"urn:plaid{one}" if name == "$ref" and isinstance(one, str) else _absolute(one)
            for name, one in value.items()
        }
    return [_absolute(one) for one in value] if isinstance(value, list) else value


def main(path: str) -> int:
    """Print what was found; return how the process ends."""
    document = Document(Path(path))
    said = run_flow()
    wrong: set[str] = set()
    newer: set[str] = set()
    for one in said.exchanges:
        asked, told = document.request_of(one.path), document.answer_of(one.path, one.status)
        wrong |= {f"{one.path} request {text}" for text in document.misfits(asked, one.request)}
        wrong |= {f"{one.path} request {text}: unknown" for text in document.unknown(asked, one.request)}
        wrong |= {f"{one.path} {one.status} {text}" for text in document.misfits(told, one.answer)}
        newer |= {f"{one.path} {text}" for text in document.unknown(told, one.answer)}
    for hook in said.webhooks:
        name = _WEBHOOKS[hook["webhook_type"], hook["webhook_code"]]
        schema = {"$ref": f"#/components/schemas/{name}"}
        wrong |= {f"{name} {text}" for text in document.misfits(schema, hook)}
        newer |= {f"{name} {text}" for text in document.unknown(schema, hook)}
    for text in sorted(newer):
        print("not in the document:", text)
    for text in sorted(wrong):
        print("WRONG:", text)
    print(
        f"OpenAPI {document.version}: {len(said.exchanges)} exchanges of {len(said.paths())} endpoints, "
        f"{len(said.webhooks)} webhooks; {len(wrong)} wrong, {len(newer)} members that it does not know"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
