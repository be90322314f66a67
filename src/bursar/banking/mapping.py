"""How does what an adapter read become a model of the interface?"""

import hashlib
from collections import Counter
from collections.abc import Iterable

from bursar.banking.categories import category_path
from bursar.domain.accounts import AccountType, ProviderAccountData
from bursar.domain.owners import OwnerAddress, ProviderOwnerData
from bursar.domain.transactions import ProviderTransactionData
from bursar.models.accounts import AccountShape, BankAccount
from bursar.models.balances import Balance
from bursar.models.identity import Address, Identity, Owner
from bursar.models.transactions import Transaction

_SHAPES: dict[str, AccountShape] = {
    "depository": "depository",
    "credit": "credit",
    "loan": "loan",
    "investment": "investment",
    "brokerage": "investment",
    "other": "other",
}
_LOANS = frozenset({AccountType.LOAN, AccountType.MORTGAGE, AccountType.LINE_OF_CREDIT})


def to_bank_account(
    record: ProviderAccountData, *, provider: str, institution_id: str | None, institution_name: str | None
) -> BankAccount:
    """Return an account; `balance` is None where the adapter's figure is a placeholder."""
    kind = AccountType(record.account_type)
    label, _, finer = (record.provider_type or "").partition("/")
    balance = record.balance if record.balance_known else None
    reported = balance
    if balance is not None and kind.is_credit():
        reported = balance.copy_negate() if balance else balance
    official = (record.raw_data or {}).get("official_name")
    return BankAccount(
        id=record.provider_account_id,
        name=record.name,
        official_name=official if isinstance(official, str) else None,
        type=_SHAPES.get(label) or _shape_of(kind),
        subtype=finer or kind.value.replace("_", " "),
        balance=balance,
        currency=record.currency,
        institution_id=institution_id,
        institution_name=institution_name,
        kind=kind.value,
        mask=record.account_number_masked,
        available=record.available_balance,
        limit=record.credit_limit,
        reported_balance=reported,
        as_of=record.balance_as_of,
        provider=provider,
        provider_type=record.provider_type,
    )


def to_balance(record: ProviderAccountData) -> Balance:
    """Return the balance of an account."""
    return Balance(
        account_id=record.provider_account_id,
        current=record.balance if record.balance_known else None,
        available=record.available_balance,
        limit=record.credit_limit,
        currency=record.currency,
        as_of=record.balance_as_of,
    )


def to_transactions(records: Iterable[ProviderTransactionData], *, provider: str) -> list[Transaction]:
    """Return rows; one that its provider gives no id has one that is made of what it says, equal at each reading."""
    seen: Counter[str] = Counter()
    return [_to_transaction(record, provider, seen) for record in records]


def to_identity(records: Iterable[ProviderOwnerData]) -> Identity:
    """Return each owner once, with the accounts that the same details stand at."""
    owners: dict[tuple[object, ...], list[ProviderOwnerData]] = {}
    for record in records:
        key = (record.names, record.emails, record.phones, record.addresses, record.is_business)
        owners.setdefault(key, []).append(record)
    return Identity(owners=tuple(_to_owner(same) for same in owners.values()))


def _to_transaction(record: ProviderTransactionData, provider: str, seen: Counter[str]) -> Transaction:
    path = category_path(record.category_hint, record.amount)
    return Transaction(
        id=record.provider_transaction_id or _made_id(record, seen),
        account_id=record.provider_account_id,
        amount=record.amount,
        date=record.transaction_date,
        description=record.description or record.memo or "",
        merchant_name=record.counterparty,
        category=path[0] if path else None,
        category_path=path,
        provider_category=record.category_hint,
        pending=record.status == "pending",
        currency=record.currency,
        status=record.status,
        provider=provider,
    )


def _made_id(record: ProviderTransactionData, seen: Counter[str]) -> str:
    facts = (record.provider_account_id, record.transaction_date, record.amount, record.currency, record.description)
    digest = hashlib.sha256("\x1f".join(map(str, facts)).encode()).hexdigest()[:24]
    seen[digest] += 1
    return f"made-{digest}-{seen[digest]}"


def _to_owner(records: list[ProviderOwnerData]) -> Owner:
    one = records[0]
    addresses = tuple(_to_address(address) for address in one.addresses)
    return Owner(
        name=one.names[0],
        email=one.emails[0] if one.emails else None,
        phone=one.phones[0] if one.phones else None,
        address=addresses[0] if addresses else None,
        names=one.names,
        emails=one.emails,
        phones=one.phones,
        addresses=addresses,
        account_ids=tuple(dict.fromkeys(record.provider_account_id for record in records)),
        is_business=one.is_business,
    )


def _to_address(address: OwnerAddress) -> Address:
    return Address(
        lines=address.lines,
        city=address.city,
        region=address.region,
        postal_code=address.postal_code,
        country=address.country,
    )


def _shape_of(kind: AccountType) -> AccountShape:
    if kind in _LOANS:
        return "loan"
    if kind.is_credit():
        return "credit"
    if kind.is_bank():
        return "depository"
    return "investment" if kind.is_investment() else "other"
