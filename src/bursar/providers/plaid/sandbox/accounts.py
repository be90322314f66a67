"""How does Plaid describe an account, its balances, its owners and its numbers?"""

from collections.abc import Sequence
from decimal import Decimal

from bursar.providers.plaid.sandbox.transactions import plain
from bursar.sandbox.people import Account, AccountKind, Person
from bursar.sandbox.world import World

_TYPES = {
    AccountKind.CHECKING: ("depository", "checking"),
    AccountKind.SAVINGS: ("depository", "savings"),
    AccountKind.CREDIT_CARD: ("credit", "credit card"),
    AccountKind.LOAN: ("loan", "student"),
    AccountKind.BROKERAGE: ("investment", "brokerage"),
}


def render_account(world: World, account: Account, account_id: str) -> dict[str, object]:
    """The wire object with the present balances."""
    kind, subtype = _TYPES[account.kind]
    return {
        "account_id": account_id,
        "balances": _render_balances(world, account),
        "mask": account.mask,
        "name": account.name,
        "official_name": account.official_name,
        "type": kind,
        "subtype": subtype,
        "holder_category": "personal",
    }


def _render_balances(world: World, account: Account) -> dict[str, object]:
    """Plaid's view: what is owed is positive, and the total of an investment account includes its securities."""
    log = world.get_log(account.account_id)
    available: Decimal | None
    if account.kind is AccountKind.BROKERAGE:
        current = log.balance + sum((one.value for one in world.positions(account.account_id)), Decimal(0))
        available = log.balance
    elif account.kind is AccountKind.LOAN:
        current, available = -log.balance, None
    elif account.kind is AccountKind.CREDIT_CARD:
        current = -log.balance
        available = None if account.credit_limit is None else account.credit_limit + log.balance + log.pending_total
    else:
        current, available = log.balance, log.balance + log.pending_total
    return {
        "available": None if available is None else plain(available),
        "current": plain(current),
        "limit": account.credit_limit,
        "iso_currency_code": account.currency,
        "unofficial_currency_code": None,
    }


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
