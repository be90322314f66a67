"""What does one credential hold, in the words of the v0 API?"""

import datetime
from collections.abc import Mapping
from typing import Any, cast

from pydantic import AliasChoices, Field, model_validator

from bursar.providers.flanks.sdk.model import (
    FrozenObject,
    MixedCaseModel,
    Money,
    OpaqueId,
    OpenEnum,
    RequestModel,
)


class PortfolioType(OpenEnum):
    """What a portfolio holds."""

    MANAGED = "M"
    UNMANAGED = "UM"
    FUNDS = "F"
    VARIABLE_INCOME = "S"
    CFD = "CFD"
    PENSION_PLAN = "PP"
    FIXED_INCOME = "FI"
    CRYPTO = "C"
    ETF = "ETF"
    LIQUIDITY = "L"
    OTHER = "O"
    DERIVATIVES = "DV"
    BANK_PRODUCTS = "BP"
    ALTERNATIVE = "AEP"
    MIXED = "MIX"


class InvestmentType(OpenEnum):
    """What kind of thing is held."""

    FUNDS = "F"
    VARIABLE_INCOME = "VI"
    PENSION_PLAN = "PP"
    FIXED_INCOME = "FI"
    CRYPTO = "C"
    ETF = "ETF"
    CFD = "CFD"
    LIQUIDITY = "L"
    OTHER = "O"
    DERIVATIVES = "DV"
    BANK_PRODUCTS = "BP"
    ALTERNATIVE = "AEP"


class InvestmentSubtype(OpenEnum):
    """The finer kind of derivatives, bank products and alternative products."""

    FOREX_OPTION = "FOP"
    OPTION = "OP"
    FUTURES = "FT"
    WARRANTS = "W"
    COMMODITIES = "COM"
    FOREX_FORWARDS = "FF"
    CERTIFICATE_OF_DEPOSIT = "CD"
    PRIVATE_EQUITY = "PE"
    REAL_ASSET = "RA"


class AccountType(OpenEnum):
    """What kind of account it is."""

    CASH = "cashAccount"
    SAFEKEEPING = "safekeepingAccount"
    NOSTRO = "nostroAccount"
    VOSTRO = "vostroAccount"
    OTHER = "other"


class LiabilityType(OpenEnum):
    """What kind of debt it is."""

    CREDIT = "Credit"
    LOAN = "Loan"
    CONFIRMING = "Confirming"


class CardType(OpenEnum):
    """What kind of card it is."""

    CREDIT = "credit"
    DEBIT = "debit"


class HolderRelation(OpenEnum):
    """What a person is to a product."""

    OWNER = "Titular"
    AUTHORISED = "Autorizado"


class AggregationQuery(RequestModel):
    """Which objects: every member must match, a list matches any of its ids, an empty list matches nothing."""

    portfolio_id: list[OpaqueId] | None = None
    investment_id: list[OpaqueId] | None = None
    account_id: list[OpaqueId] | None = None
    liability_id: list[OpaqueId] | None = None
    card_id: list[OpaqueId] | None = None
    transaction_id: list[OpaqueId] | None = None


class _Extracted(MixedCaseModel):
    """What every object of an extraction carries; the timestamp is in seconds since the epoch."""

    entity: str | None = None
    external_id: OpaqueId | None = None
    updated_at_timestamp: int | None = None


class Portfolio(_Extracted):
    """A securities account.

    Attributes:
        total_value: valuation in `currency`.
        ref_valores: number of the securities account.
        ref_account, ref_accounts: IBANs of its cash accounts, the main one first.
    """

    portfolio_id: OpaqueId = Field(validation_alias=AliasChoices("portfolio_id", "_id"))
    name: str | None = None
    type: PortfolioType | None = None
    currency: str | None = None
    total_value: Money | None = Field(default=None, validation_alias=AliasChoices("total_value", "balance"))
    ref_valores: str | None = None
    ref_account: str | None = None
    ref_accounts: tuple[str, ...] | None = None
    owners: tuple[str, ...] | None = None


class Investment(_Extracted):
    """A position.

    Attributes:
        isin: or another identifier when there is none.
        quantity: units held.
        value: valuation in `currency`.
    """

    investment_id: OpaqueId = Field(validation_alias=AliasChoices("investment_id", "_id"))
    name: str | None = None
    isin: str | None = None
    cusip: str | None = None
    symbol: str | None = None
    portfolio_id: OpaqueId | None = None
    type: InvestmentType | None = None
    subtype: InvestmentSubtype | None = None
    quantity: Money | None = Field(default=None, validation_alias=AliasChoices("quantity", "amount"))
    value: Money | None = Field(default=None, validation_alias=AliasChoices("value", "balance"))
    currency: str | None = None


class _Movement(MixedCaseModel):
    """What every movement has.

    Attributes:
        date: of the operation; the value date where Flanks gives no other.
        amount: negative when money leaves.
    """

    transaction_id: OpaqueId = Field(validation_alias=AliasChoices("transaction_id", "_id"))
    date: datetime.date | None = Field(default=None, validation_alias=AliasChoices("date", "operationDate"))
    value_date: datetime.date | None = None
    amount: Money | None = None
    currency: str | None = None
    description: str | None = None
    entity: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _date_falls_back(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        members = cast("Mapping[str, Any]", data)
        if any(members.get(name) is not None for name in ("date", "operationDate")):
            return members
        return {**members, "date": members.get("value_date", members.get("valueDate"))}


class InvestmentTransaction(_Movement):
    """A movement of a portfolio; `type` is Flanks' number of the kind, an open list."""

    investment_id: OpaqueId | None = None
    ref_valores: str | None = Field(
        default=None, validation_alias=AliasChoices("ref_valores", "refValores", "refValos", "ref_valos")
    )
    type: int | None = None
    units: Money | None = None
    price: Money | None = None


class Account(_Extracted):
    """A cash account; `name` is the holder's own name of it."""

    account_id: OpaqueId = Field(validation_alias=AliasChoices("account_id", "_id"))
    iban: str | None = None
    name: str | None = Field(default=None, validation_alias=AliasChoices("name", "alias"))
    description: str | None = None
    balance: Money | None = None
    currency: str | None = None
    is_owner: bool | None = None
    num_owners: int | None = None
    owners: tuple[str, ...] | None = None
    type: AccountType | None = None


class Transfer(MixedCaseModel):
    """The two ends of a transfer."""

    beneficiary: str | None = None
    iban_beneficiary: str | None = None
    payer: str | None = None
    iban_payer: str | None = None


class _CashMovement(_Movement):
    """A movement of money; `type` and `flanks_category` are Flanks' numbers, open lists; `balance` is after it."""

    balance: Money | None = None
    product_description: str | None = None
    category: str | None = None
    type: int | None = None
    flanks_category: int | None = None


class AccountTransaction(_CashMovement):
    """A movement of a cash account."""

    account_id: OpaqueId | None = None
    card_number: str | None = None
    transfer: Transfer | None = None


class Liability(_Extracted):
    """A debt; the interest rate is in percent."""

    liability_id: OpaqueId = Field(validation_alias=AliasChoices("liability_id", "_id"))
    name: str | None = None
    type: LiabilityType | None = None
    balance: Money | None = None
    available_balance: Money | None = None
    limit: Money | None = None
    interest_rate: Money | None = None
    currency: str | None = None


class LiabilityTransaction(_CashMovement):
    """A movement of a debt."""

    liability_id: OpaqueId | None = None


class Card(_Extracted):
    """A card; of its number only the last digits are visible."""

    card_id: OpaqueId = Field(validation_alias=AliasChoices("card_id", "_id"))
    name: str | None = None
    masked_number: str | None = Field(
        default=None, validation_alias=AliasChoices("masked_number", "maskedNumber", "pan")
    )
    balance: Money | None = None
    available_balance: Money | None = None
    limit: Money | None = None
    type: CardType | None = None
    currency: str | None = None


class CardTransaction(_CashMovement):
    """A movement of a card."""

    card_id: OpaqueId | None = None
    card_number: str | None = None


class ContactInfo(MixedCaseModel):
    """How a person can be reached."""

    email: str | None = None
    phone: str | None = None


class Identity(MixedCaseModel):
    """The person whose login it is; `address` is an object or a text, as Flanks has not settled."""

    identity_id: OpaqueId | None = Field(default=None, validation_alias=AliasChoices("identity_id", "_id"))
    name: str | None = None
    contact_info: ContactInfo | None = None
    email: str | None = None
    phone: str | None = None
    address: FrozenObject | str | None = None

    @model_validator(mode="before")
    @classmethod
    def _contact_is_reachable_at_the_top(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        members = cast("Mapping[str, Any]", data)
        inner = members.get("contactInfo", members.get("contact_info"))
        if not isinstance(inner, Mapping):
            return members
        contact = cast("Mapping[str, Any]", inner)
        given = {name: value for name in ("email", "phone") if (value := members.get(name)) is not None}
        return {**members, "email": contact.get("email"), "phone": contact.get("phone"), **given}


class Holder(MixedCaseModel):
    """A person's relation to a product."""

    holder_id: OpaqueId | None = Field(default=None, validation_alias=AliasChoices("holder_id", "_id"))
    product_id: OpaqueId | None = None
    rel: HolderRelation | None = None
    name: str | None = None
    document_type: str | None = None
    document_number: str | None = None
