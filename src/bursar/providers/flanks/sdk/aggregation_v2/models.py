"""What do all credentials together hold, in the words of Aggregation v2?"""

import datetime
from typing import Annotated

from pydantic import BeforeValidator

from bursar.providers.flanks.sdk.model import (
    FlanksModel,
    FrozenLabels,
    Money,
    OpaqueId,
    OpenEnum,
    RequestModel,
    known_word,
)
from bursar.providers.flanks.sdk.secret_text import SecretField


class ProductType(OpenEnum):
    """What kind of product it is."""

    ACCOUNT = "Account"
    CARD = "Card"
    INVESTMENT = "Investment"
    LIABILITY = "Liability"


def _kind(value: object) -> object:
    return "" if value is None else value


def _no_instant(value: object) -> object:
    # Pydantic would take an instant at midnight for a day, whatever its zone.
    if isinstance(value, datetime.datetime):
        raise ValueError("a date is expected, not an instant")
    return value


QueryDay = Annotated[datetime.date, BeforeValidator(_no_instant)]


class ProductQuery(RequestModel):
    """Which products: every member must match, a list matches any of its values, an empty list matches nothing."""

    product_id_in: list[OpaqueId] | None = None
    connection_id_in: list[SecretField] | None = None
    product_type_in: list[Annotated[ProductType, known_word(ProductType)]] | None = None


class TransactionQuery(RequestModel):
    """Which transactions; both dates are included."""

    transaction_id_in: list[OpaqueId] | None = None
    product_id_in: list[OpaqueId] | None = None
    connection_id_in: list[SecretField] | None = None
    date_from: QueryDay | None = None
    date_to: QueryDay | None = None


class Product(FlanksModel):
    """An account, card, investment or liability; its id is that of Aggregation v1.

    `connection_id` is another name of the credential's token, so it is masked by `repr`.
    """

    product_id: OpaqueId
    product_type: Annotated[ProductType, BeforeValidator(_kind)]
    connection_id: SecretField | None = None
    name: str | None = None
    balance: Money | None = None
    currency: str | None = None
    iban: str | None = None
    labels: FrozenLabels | None = None


class Transaction(FlanksModel):
    """A movement of a product; the amount is negative when money leaves, the date is the institution's calendar's."""

    transaction_id: OpaqueId
    product_id: OpaqueId | None = None
    amount: Money | None = None
    currency: str | None = None
    description: str | None = None
    date: datetime.date | None = None
    category: str | None = None
    labels: FrozenLabels | None = None
