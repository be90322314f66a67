"""What may be asked of a bank through Plaid when its balances are wanted as they are now?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bursar.providers.plaid.sdk.models.accounts import Account
from bursar.providers.plaid.sdk.models.items import Item

CAPITAL_ONE = "ins_128026"
OLDEST = timedelta(days=1)
"""How old a balance of Capital One's may be that passes for live; without a bound Plaid refuses to ask that bank.

Source: https://plaid.com/docs/api/products/balance/ (read 2026-11-21).
"""


def choose(accounts: Sequence[Account], account_ids: Sequence[str] | None) -> list[Account] | None:
    """Return the accounts of these ids, by default all; None when one of them is not among the accounts."""
    if account_ids is None:
        return list(accounts)
    known = {account.account_id: account for account in accounts}
    wanted = dict.fromkeys(account_ids)
    return [known[one] for one in wanted] if wanted.keys() <= known.keys() else None


def oldest_acceptable(item: Item, accounts: Sequence[Account], now: datetime) -> datetime | None:
    """Return the bound on the age of a balance where Plaid wants one, else None."""
    if item.institution_id == CAPITAL_ONE and any(account.type != "depository" for account in accounts):
        return now - OLDEST
    return None
