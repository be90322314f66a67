"""What do Teller's accounts, transactions and owners mean in the ledger's words and signs?"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.money import AmountError, check_amount, is_currency
from bursar.domain.owners import OwnerAddress, ProviderOwnerData
from bursar.domain.sync import DataWarning, RejectReason
from bursar.domain.transactions import ProviderTransactionData, has_expected_sign
from bursar.ports.rejects import UnreadableError
from bursar.providers.teller.sdk.models import Account, Address, Balances, Owner, Transaction

MAX_DESCRIPTION = 500

# Only these two are documented, and what a sign means is known for no other.
KNOWN_TYPES = frozenset({"depository", "credit"})
SUBTYPES: Mapping[str, str] = {
    "checking": "checking",
    "savings": "savings",
    "money_market": "money_market",
    "certificate_of_deposit": "cd",
    "treasury": "other",
    "sweep": "other",
    "credit_card": "credit_card",
}

STATUSES: Mapping[str, str] = {"posted": "settled", "pending": "pending"}

_Kind = tuple[str, str]
_SPENT: tuple[_Kind, _Kind] = (("payment", "purchase"), ("payment", "refund"))
ROW_TYPES: Mapping[str, tuple[_Kind, _Kind]] = {
    "ach": (("payment", "direct_debit"), ("transfer", "transfer_in")),
    "adjustment": (("other", "adjustment"), ("other", "adjustment")),
    "atm": (("transfer", "atm"), ("transfer", "atm")),
    "bill_payment": (("payment", "bill_payment"), ("payment", "refund")),
    "card_payment": _SPENT,
    "check": (("payment", "check"), ("payment", "check")),
    "deposit": (("transfer", "deposit"), ("transfer", "deposit")),
    "digital_payment": (("payment", "purchase"), ("transfer", "transfer_in")),
    "fee": (("fee", "account_fee"), ("payment", "refund")),
    "interest": (("fee", "interest_charge"), ("income", "interest")),
    "transaction": _SPENT,
    "transfer": (("transfer", "transfer_out"), ("transfer", "transfer_in")),
    "wire": (("transfer", "wire_out"), ("transfer", "wire_in")),
    "withdrawal": (("transfer", "withdrawal"), ("transfer", "withdrawal")),
}
"""Teller's word -> the kind of a row that leaves the account, and of one that enters it. The list of words is open."""

_PAID_ON_CARD = frozenset({"ach", "bill_payment", "deposit", "transfer"})


def to_account(account: Account, balances: Balances | None, warnings: list[DataWarning]) -> ProviderAccountData:
    """Return an account with the holder's sign: what is owed on a card becomes negative.

    Args:
        account: as Teller lists it.
        balances: what the institution says now; None where it was not, or could not be, asked.
        warnings: takes up words that are not in our table.

    Raises:
        UnreadableError: no id, no ISO currency, or a kind of account whose signs nobody knows.
    """
    if not account.id.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "id")
    if not is_currency(account.currency):
        raise UnreadableError(RejectReason.UNKNOWN_CURRENCY, "currency")
    if account.type not in KNOWN_TYPES:
        raise UnreadableError(RejectReason.UNSUPPORTED, "type")
    ledger = balances.ledger if balances is not None else None
    balance = None if ledger is None else signed(_number(ledger, "ledger"), account)
    available = balances.available if balances is not None else None
    return ProviderAccountData(
        provider_account_id=account.id,
        account_number_masked=f"****{account.last_four.strip()[-4:]}" if account.last_four else "****",
        name=account.name or account.last_four or "Account",
        account_type=account_type_of(account, warnings),
        currency=account.currency,
        balance=Decimal(0) if balance is None else balance,
        balance_known=balance is not None,
        available_balance=None if available is None else _number(available, "available"),
        is_active=account.status != "closed",
        provider_type=f"{account.type}/{account.subtype}" if account.subtype else account.type,
    )


def account_type_of(account: Account, warnings: list[DataWarning]) -> str:
    """Return the domain's word; Teller's own in lower case, and a warning, where its vocabulary has grown."""
    known = SUBTYPES.get(account.subtype or "")
    if known is not None:
        return known
    warnings.append(
        DataWarning(
            code="unmapped_value",
            message="Teller describes the account with a kind that is not in our table.",
            field="accounts.subtype",
            provider_id=account.id,
        )
    )
    if account.is_credit:
        return "credit_card"
    return (account.subtype or account.type).lower()


def to_transaction(row: Transaction, account: Account, warnings: list[DataWarning]) -> ProviderTransactionData:
    """Return a row with the holder's sign: a charge to a card is negative, as is what leaves a deposit account.

    Raises:
        UnreadableError: no id, another account's row, a state that is not known, or a number that no account holds.
    """
    if not row.id.strip():
        raise UnreadableError(RejectReason.MISSING_FIELD, "id")
    if row.account_id != account.id:
        raise UnreadableError(RejectReason.INCONSISTENT, "account_id")
    status = STATUSES.get(row.status)
    if status is None:
        raise UnreadableError(RejectReason.UNSUPPORTED, "status")
    amount = signed(_number(row.amount, "amount"), account)
    kind, subtype = row_type_of(row, amount, account, warnings)
    if not has_expected_sign(subtype, amount):
        warnings.append(
            DataWarning(
                code="sign_mismatch",
                message="The amount's sign does not fit the kind that Teller gave it; it was kept as it is.",
                field="amount",
                provider_id=row.id,
            )
        )
    details = row.details
    counterparty = details.counterparty if details is not None else None
    return ProviderTransactionData(
        provider_account_id=account.id,
        provider_transaction_id=row.id.strip(),
        transaction_type=kind,
        subtype=subtype,
        amount=amount,
        currency=account.currency,
        transaction_date=row.date,
        description=row.description[:MAX_DESCRIPTION],
        status=status,
        counterparty=(counterparty.name or None) if counterparty is not None else None,
        category_hint=(details.category or None) if details is not None else None,
        raw_data={
            name: value
            for name, value in (
                ("type", row.type),
                ("counterparty_type", counterparty.type if counterparty is not None else None),
                ("full_description", row.description if len(row.description) > MAX_DESCRIPTION else None),
            )
            if value is not None
        },
    )


def row_type_of(row: Transaction, amount: Decimal, account: Account, warnings: list[DataWarning]) -> tuple[str, str]:
    """Return the domain's type and subtype of a row; `amount` has the holder's sign."""
    word = (row.type or "").lower()
    if account.is_credit and amount > 0 and word in _PAID_ON_CARD:
        return "transfer", "card_payment"
    known = ROW_TYPES.get(word)
    if known is None and word:
        warnings.append(
            DataWarning(
                code="unmapped_value",
                message="Teller gave a row a kind that is not in our table; the sign decided.",
                field="transactions.type",
                provider_id=row.id,
            )
        )
    leaves, enters = known or _SPENT
    return enters if amount > 0 else leaves


def contradicts_signs(rows: Sequence[Transaction]) -> bool:
    """True when running balances say that amounts have the opposite sign of what Teller's integrators observe.

    The vendor does not document signs. Where neighbouring posted rows carry a running balance, the newer balance less
    the older one is the newer row's amount, on cards as on deposit accounts. Rows for which neither sign fits say
    nothing: rows may be missing between them.

    Args:
        rows: of one account, newest first.
    """
    posted = [row for row in rows if row.status == "posted"]
    agreed = opposed = 0
    for newer, older in pairwise(posted):
        if newer.running_balance is None or older.running_balance is None or not newer.amount:
            continue
        step = newer.running_balance - older.running_balance
        agreed += step == newer.amount
        opposed += step == newer.amount.copy_negate()
    return opposed > agreed


def to_owner(account_id: str, owner: Owner) -> ProviderOwnerData:
    """Return a holder of an account, the preferred value of each detail first.

    Raises:
        UnreadableError: `missing_field` for one without a name.
    """
    if not owner.names:
        raise UnreadableError(RejectReason.MISSING_FIELD, "owners.names")
    # `name` comes before `alias`, and the primary address before the others.
    names = sorted(owner.names, key=lambda name: name.type == "alias")
    addresses = sorted(owner.addresses, key=lambda address: not address.primary)
    return ProviderOwnerData(
        provider_account_id=account_id,
        names=tuple(name.data for name in names),
        emails=tuple(email.data for email in owner.emails),
        phones=tuple(phone.data for phone in owner.phone_numbers),
        addresses=tuple(_address(address) for address in addresses),
        is_business={"person": False, "organization": True}.get(owner.type or ""),
    )


def _address(address: Address) -> OwnerAddress:
    data = address.data
    return OwnerAddress(
        lines=(data.street,) if data.street else (),
        city=data.city,
        region=data.region,
        postal_code=data.postal_code,
        country=data.country.upper() if data.country and len(data.country) == 2 else data.country,
    )


def signed(amount: Decimal, account: Account) -> Decimal:
    """Return the same digits in the holder's sign; zero stays zero."""
    if not amount:
        return amount.copy_abs()
    return amount.copy_negate() if account.is_credit else amount


def _number(number: Decimal, field: str) -> Decimal:
    try:
        return check_amount(number)
    except AmountError:
        raise UnreadableError(RejectReason.BAD_NUMBER, field) from None
