"""What do Finicity's accounts, positions and owners mean in the ledger's words and signs?"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.holdings import ProviderHoldingData
from bursar.domain.money import AmountError, check_amount, is_currency
from bursar.domain.owners import OwnerAddress, ProviderOwnerData
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.time import local_date
from bursar.ports.rejects import UnreadableError
from bursar.providers.finicity.sdk.models.accounts import Account, Holder, HolderAddress, Position, SimpleOwner
from bursar.providers.finicity.sdk.statuses import LoginState, state_of
from bursar.providers.finicity.sdk.wire import to_instant
from bursar.providers.finicity.signs import SignedBalance, sign_balance

# Source: https://developer.mastercard.com/open-finance-us/documentation/products/manage/account-aggregation/ (read
# 2026-11-29)
ACCOUNT_TYPES: Mapping[str, str] = {
    "checking": "checking",
    "savings": "savings",
    "cd": "cd",
    "moneyMarket": "money_market",
    "creditCard": "credit_card",
    "lineOfCredit": "line_of_credit",
    "mortgage": "mortgage",
    **dict.fromkeys(("loan", "studentLoan", "studentLoanGroup", "studentLoanAccount"), "loan"),
    **dict.fromkeys(
        ("investment", "brokerageAccount", "investmentTaxDeferred", "employeeStockPurchasePlan"), "brokerage"
    ),
    "ira": "traditional_ira",
    "rollover": "rollover_ira",
    "roth": "roth_ira",
    "401k": "401k",
    "roth401k": "roth_401k",
    "403b": "403b",
    "sepIRA": "sep_ira",
    "simpleIRA": "simple_ira",
    "pension": "pension",
    "healthSavingsAccount": "hsa",
    "529plan": "education_529",
    **dict.fromkeys(("ugma", "utma"), "custodial"),
    "cryptocurrency": "crypto",
    **dict.fromkeys(
        (
            "401a",
            "457plan",
            "educationSavings",
            "keogh",
            "profitSharingPlan",
            "thriftSavingsPlan",
            "variableAnnuity",
            "other",
        ),
        "other",
    ),
}
GROUP_TYPE = "studentLoanGroup"
"""A loan that is the sum of others in the same list."""

_ASSET_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("stock", "equity", "commonstock", "preferredstock", "adr"), "equity"),
    **dict.fromkeys(("etf", "exchangetradedfund"), "etf"),
    **dict.fromkeys(("mutualfund", "mf", "fund"), "mutual_fund"),
    **dict.fromkeys(("bond", "debt", "fixedincome", "cd"), "fixed_income"),
    **dict.fromkeys(("option", "options", "opt"), "option"),
    **dict.fromkeys(("cash", "moneymarket", "cashequivalent", "sweep"), "cash_equivalent"),
    **dict.fromkeys(("cryptocurrency", "crypto"), "cryptocurrency"),
    **dict.fromkeys(("future", "futures"), "futures"),
}
_LISTED_OPTION_MULTIPLIER = Decimal(100)
_SECURITY_ID_TYPES = frozenset({"cusip", "isin", "sedol", "figi"})


def account_type_of(account: Account, warnings: list[DataWarning]) -> str:
    """The domain's word; Finicity's own in lower case, and a warning, where the vocabulary has grown."""
    known = ACCOUNT_TYPES.get(account.type)
    if known is not None:
        return known
    warnings.append(
        DataWarning(
            code="unmapped_value",
            message="Finicity describes the account with a type that is not in our table.",
            field="accounts.type",
            provider_id=account.id,
        )
    )
    return account.type.lower() or "other"


def to_account(account: Account, zone: ZoneInfo, warnings: list[DataWarning]) -> ProviderAccountData:
    """An account with the holder's sign: what is owed on a card or a loan is negative.

    Raises:
        UnreadableError: no id of Finicity's, no ISO currency, a time out of range, or a number that no account holds.
    """
    check_id(account.id)
    kind = account_type_of(account, warnings)
    detail = account.detail
    signed = sign_of(account)
    if signed is not None and signed.is_assumed:
        warnings.append(
            DataWarning(
                code="balance_sign_assumed",
                message="The institution does not say whether its balance is owed; it was taken as owed.",
                field="accounts.balance",
                provider_id=account.id,
            )
        )
    available = limit = None
    if detail is not None:
        available = detail.available_balance_amount
        available = detail.credit_available_amount if available is None else available
        limit = detail.credit_max_amount
    return ProviderAccountData(
        provider_account_id=account.id,
        account_number_masked=mask(account),
        name=account.name or "Account",
        account_type=kind,
        currency=currency_of(account.currency, "currency"),
        balance=signed.amount if signed is not None else Decimal(0),
        balance_known=signed is not None,
        available_balance=_number(available, "detail.availableBalanceAmount"),
        credit_limit=_number(limit, "detail.creditMaxAmount"),
        balance_as_of=instant_of(account.balance_date, "balanceDate"),
        is_active=state_of(account.aggregation_status_code) is not LoginState.ACCOUNT_GONE,
        provider_type=account.type,
        institution_timezone=zone.key,
        raw_data={"aggregationStatusCode": account.aggregation_status_code},
    )


def sign_of(account: Account, pending: Decimal = Decimal(0)) -> SignedBalance | None:
    """The account's balance in the holder's sign; None when it is not known. `pending` is the sum of its pending rows.

    Raises:
        UnreadableError: a number that no account holds.
    """
    balance = _number(account.balance, "balance")
    if balance is None:
        return None
    return sign_balance(balance, ACCOUNT_TYPES.get(account.type, "other"), account.detail, pending)


def to_holding(position: Position, account_id: str, currency: str, zone: ZoneInfo) -> ProviderHoldingData:
    """A position; short ones have a negative quantity.

    Raises:
        UnreadableError: it has no id, nothing names the security, or a number or currency has no meaning.
    """
    if not position.id.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "id")
    symbol = _first(position.symbol, position.security_id, position.security_name, position.description)
    if symbol is None:
        raise UnreadableError(RejectReason.MISSING_FIELD, "symbol")
    units = required_number(position.units, "units")
    if (position.pos_type or "").upper() == "SHORT":
        units = units.copy_abs().copy_negate()
    asset_type = asset_type_of(position)
    security_id, id_type = security_id_of(position.security_id, position.security_id_type)
    priced_on = day_of(position.current_price_date, zone, "currentPriceDate")
    return ProviderHoldingData(
        provider_account_id=account_id,
        provider_holding_id=position.id.strip(),
        symbol=symbol,
        security_name=_first(position.security_name, position.description) or symbol,
        asset_type=asset_type,
        quantity=units,
        currency=currency_of(position.security_currency or currency, "securityCurrency"),
        cost_basis=_number(position.cost_basis, "costBasis"),
        market_value=_number(position.market_value, "marketValue"),
        average_price=_number(position.cost_basis_per_share, "costBasisPerShare"),
        current_price=_number(position.current_price, "currentPrice"),
        price_on=priced_on,
        multiplier=_multiplier(position, asset_type),
        security_id=security_id,
        security_id_type=id_type,
    )


def asset_type_of(position: Position) -> str:
    """The domain's kind of a position."""
    for word in (position.security_type, position.inv_security_type, position.asset_class):
        plain = "".join(letter for letter in (word or "").lower() if letter.isalpha())
        if plain in _ASSET_TYPES:
            return _ASSET_TYPES[plain]
    return "other"


def to_owner(holder: Holder, account_id: str) -> ProviderOwnerData:
    """An owner as version 3 tells them.

    Raises:
        UnreadableError: no name.
    """
    if not holder.owner_name.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "ownerName")
    kind = (holder.name_classification or "").strip().lower()
    emails = sorted(holder.emails or (), key=lambda one: one.is_primary is not True)
    return ProviderOwnerData(
        provider_account_id=account_id,
        names=(holder.owner_name.strip(),),
        emails=tuple(one.email for one in emails if one.email),
        phones=tuple(one.phone for one in holder.phones or () if one.phone),
        addresses=tuple(to_address(one) for one in holder.addresses or ()),
        is_business={"business": True, "person": False}.get(kind),
    )


def to_simple_owner(owner: SimpleOwner, account_id: str) -> ProviderOwnerData:
    """All owners in one, as version 1 tells them: where one name ends and the next begins, nobody says.

    Raises:
        UnreadableError: no name.
    """
    if not owner.owner_name.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "ownerName")
    address = (owner.owner_address or "").strip()
    return ProviderOwnerData(
        provider_account_id=account_id,
        names=(owner.owner_name.strip(),),
        addresses=(OwnerAddress(lines=(address,)),) if address else (),
    )


def to_address(address: HolderAddress) -> OwnerAddress:
    """An address; the whole of it in one line where its parts are not told apart."""
    lines = tuple(line.strip() for line in (address.line1, address.line2) if line and line.strip())
    if not lines and address.owner_address and not address.city:
        lines = (address.owner_address.strip(),)
    return OwnerAddress(
        lines=lines,
        city=address.city or None,
        region=address.state or None,
        postal_code=address.postal_code or None,
        country=address.country or None,
    )


def mask(account: Account) -> str:
    """The visible end of the number, behind stars for the rest, however long it is."""
    visible = account.real_account_number_last4 or account.account_number_display or account.number or ""
    end = "".join(letter for letter in visible if letter.isalnum())[-4:]
    return f"****{end}" if end else "****"


def check_id(text: str) -> None:
    """Accept an id that could be one of Finicity's: texts and numbers stand for the same id, so all are whole numbers.

    Raises:
        UnreadableError: it is empty, or something else.
    """
    if not text.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "id")
    if not (text.isascii() and text.isdecimal()):
        raise UnreadableError(RejectReason.INCONSISTENT, "id")


def currency_of(code: str, field: str) -> str:
    """The ISO code.

    Raises:
        UnreadableError: none, or one that is not in ISO 4217.
    """
    text = code.strip().upper()
    if not text:
        raise UnreadableError(RejectReason.MISSING_FIELD, field)
    if not is_currency(text):
        raise UnreadableError(RejectReason.UNKNOWN_CURRENCY, field)
    return text


def instant_of(seconds: int | None, field: str) -> datetime | None:
    """The instant of a time on the wire.

    Raises:
        UnreadableError: it is out of range.
    """
    if seconds is None:
        return None
    try:
        return to_instant(seconds)
    except ValueError:
        raise UnreadableError(RejectReason.BAD_DATE, field) from None


def day_of(seconds: int | None, zone: ZoneInfo, field: str) -> date | None:
    """The institution's calendar date of a time on the wire.

    Raises:
        UnreadableError: it is out of range.
    """
    instant = instant_of(seconds, field)
    try:
        return None if instant is None else local_date(instant, zone)
    except OverflowError:
        raise UnreadableError(RejectReason.BAD_DATE, field) from None


def required_number(number: Decimal, field: str) -> Decimal:
    """The number, unchanged, if the ledger can hold it.

    Raises:
        UnreadableError: it cannot.
    """
    try:
        return check_amount(number)
    except AmountError:
        raise UnreadableError(RejectReason.BAD_NUMBER, field) from None


def security_id_of(security_id: str | None, id_type: str | None) -> tuple[str | None, str | None]:
    """An id of a security and its kind, `provider` for kinds that the domain has no word for."""
    if not security_id or not security_id.strip():
        return None, None
    kind = (id_type or "").strip().lower()
    return security_id.strip(), kind if kind in _SECURITY_ID_TYPES else "provider"


def _number(number: Decimal | None, field: str) -> Decimal | None:
    return None if number is None else required_number(number, field)


def _multiplier(position: Position, asset_type: str) -> Decimal:
    told = _number(position.option_shares_per_contract, "optionSharesPerContract")
    if told:
        return told
    return _LISTED_OPTION_MULTIPLIER if asset_type == "option" else Decimal(1)


def _first(*texts: str | None) -> str | None:
    return next((text.strip() for text in texts if text and text.strip()), None)
