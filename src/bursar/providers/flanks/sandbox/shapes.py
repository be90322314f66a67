"""How do the two wire shapes differ, and what may Flanks add to either at any time?"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

Member = dict[str, Any]

_TRANSACTION = {"_id": "transaction_id", "operationDate": "date", "valueDate": "value_date"}
# Documented name -> flat name, by kind of object; all other camelCase names become snake_case.
_FLAT_NAMES: Mapping[str, Mapping[str, str]] = {
    "portfolio": {"_id": "portfolio_id", "balance": "total_value"},
    "investment": {"_id": "investment_id", "amount": "quantity", "balance": "value"},
    "account": {"_id": "account_id", "alias": "name"},
    "liability": {"_id": "liability_id"},
    "card": {"_id": "card_id", "pan": "masked_number"},
    "holder": {"_id": "holder_id"},
    "transaction": _TRANSACTION,
}


def flat(kind: str, member: Member) -> Member:
    """The flat form of a documented object."""
    names = _FLAT_NAMES[kind]
    return {names.get(name, _snake(name)): value for name, value in member.items()}


def flat_identity(identity: Member) -> Member:
    """The flat form of an identity."""
    if not identity:
        return {}
    contact = cast("Member", identity.get("contactInfo") or {})
    return {"name": identity.get("name"), "email": contact.get("email"), "phone": contact.get("phone")}


def drifted(answer: Any) -> Any:
    """The answer of a later version: every object has a member more, and every kind is one that nobody knew."""
    if isinstance(answer, list):
        return [drifted(one) for one in cast("list[Any]", answer)]
    if not isinstance(answer, dict):
        return answer
    members = {
        # Maps of the caller's own words have no members that Flanks could add to.
        name: value if name in ("labels", "extra") else drifted(value)
        for name, value in cast("Member", answer).items()
    }
    for name in ("type", "rel", "product_type", "status", "error_code"):
        if isinstance(members.get(name), str):
            members[name] = "AddedLater"
    return {**members, "added_later": {"nested": [1]}}


def as_texts(answer: Any) -> Any:
    """The answer with its amounts as texts, which is how the flat shape writes numbers."""
    if isinstance(answer, Decimal):
        return format(answer, "f")
    if isinstance(answer, list):
        return [as_texts(one) for one in cast("list[Any]", answer)]
    if isinstance(answer, dict):
        return {name: as_texts(value) for name, value in cast("Member", answer).items()}
    return answer


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
