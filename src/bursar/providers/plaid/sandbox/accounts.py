"""How does Plaid describe an account, its balances, its owners and its numbers?"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from bursar.providers.plaid.sandbox.instants import wire_instant
from bursar.providers.plaid.sandbox.items import Item
from bursar.providers.plaid.sandbox.transactions import currency_codes, plain
from bursar.sandbox.people import Account, AccountKind, Person
from bursar.sandbox.world import World

_TYPES = {
    AccountKind.CHECKING: ("depository", "checking"),
    AccountKind.SAVINGS: ("depository", "savings"),
    AccountKind.CREDIT_CARD: ("credit", "credit card"),
    AccountKind.LOAN: ("loan", "student"),
    AccountKind.BROKERAGE: ("investment", "brokerage"),
}


def render_account(item: Item, account: Account) -> dict[str, object]:
    """The wire object with the present balances, or with what a fault makes of them."""
    kind, subtype = _TYPES[account.kind]
    faults, now = item.blemishes, item.world.now
    fault = faults.balance_fault(item.item_id, account, now)
    at = now - faults.balance_age(item.item_id, account, now) if fault == "old" else None
    balances = _render_balances(item.world, account, at)
    if at is not None and faults.dates_balances(item.item_id):
        balances["last_updated_datetime"] = wire_instant(at)
    elif fault == "missing":
        balances["current"] = None
    elif fault == "unknown":
        balances = dict.fromkeys(balances)
    body: dict[str, object] = {
        "account_id": item.account_ids[account.account_id],
        "balances": balances,
        "mask": account.mask,
        "name": account.name,
        "official_name": account.official_name,
        "type": kind,
        "subtype": subtype,
        "holder_category": "personal",
    }
    if faults.has_persistent_id(account):
        body["persistent_account_id"] = item.mint.opaque("persistent", account.account_id)
    faults.vary_account(account, body)
    return body


def _render_balances(world: World, account: Account, at: datetime | None) -> dict[str, object]:
    """Plaid's view: what is owed is positive, and the total of an investment account includes its securities."""
    balance, pending = _sums(world, account, at)
    available: Decimal | None
    if account.kind is AccountKind.BROKERAGE:
        current = balance + sum((one.value for one in world.positions(account.account_id, at)), Decimal(0))
        available = balance
    elif account.kind is AccountKind.LOAN:
        current, available = -balance, None
    elif account.kind is AccountKind.CREDIT_CARD:
        current = -balance
        available = None if account.credit_limit is None else account.credit_limit + balance + pending
    else:
        current, available = balance, balance + pending
    return {
        "available": None if available is None else plain(available),
        "current": plain(current),
        "limit": account.credit_limit,
        **currency_codes(account.currency),
    }


def _sums(world: World, account: Account, at: datetime | None) -> tuple[Decimal, Decimal]:
    """The ledger balance and the sum of the pending rows, at present or at an instant of the past."""
    if at is None:
        log = world.get_log(account.account_id)
        return log.balance, log.pending_total
    truth = world.truth(account.account_id, at)
    return truth.balance, sum((row.amount for row in truth.pending), Decimal(0))


def render_owners(account: Account) -> list[dict[str, object]]:
    """The holders of an account as the identity product tells them."""
    return [_render_owner(person) for person in account.holders]


def _render_owner(person: Person) -> dict[str, object]:
    return {
        "names": [person.name],
        "phone_numbers": [{"data": person.phone, "primary": True, "type": "mobile"}],
        "emails": [{"data": person.email, "primary": True, "type": "primary"}],
        "addresses": [
            {
                "data": {
                    "street": person.street,
                    "city": person.city,
                    "region": None,
                    "postal_code": person.postal_code,
                    "country": person.country,
                },
                "primary": True,
            }
        ],
    }


def render_numbers(accounts: Sequence[tuple[Account, str]]) -> dict[str, list[dict[str, object]]]:
    """The full numbers of deposit accounts by payment system, chosen by the bank's country."""
    numbers: dict[str, list[dict[str, object]]] = {"ach": [], "eft": [], "international": [], "bacs": []}
    for account, account_id in accounts:
        bank = account.bank
        if bank.country == "US":
            numbers["ach"].append(
                {
                    "account_id": account_id,
                    "account": account.number,
                    "routing": bank.bank_code,
                    "wire_routing": None,
                    "is_tokenized_account_number": False,
                }
            )
            continue
        numbers["international"].append({"account_id": account_id, "iban": _iban(account), "bic": bank.bic})
        if bank.country == "GB":
            numbers["bacs"].append(
                {"account_id": account_id, "account": account.number[-8:], "sort_code": bank.bank_code}
            )
    return numbers


def _iban(account: Account) -> str:
    bank = account.bank
    inner = f"{bank.bic[:4]}{bank.bank_code}{account.number[-8:]}" if bank.country == "GB" else ""
    inner = inner or f"{bank.bank_code}{account.number}"
    digits = "".join(str(int(letter, 36)) for letter in f"{inner}{bank.country}00")
    return f"{bank.country}{98 - int(digits) % 97:02d}{inner}"
