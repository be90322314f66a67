"""What do the banking interface's values look like, whichever provider they come from?

Pydantic models, frozen, with exact amounts. They import `domain` only; `banking` and your own code import them.
"""

from bursar.models.accounts import BankAccount
from bursar.models.balances import Balance
from bursar.models.identity import Address, Identity, Owner
from bursar.models.links import LinkedItem, LinkStart
from bursar.models.transactions import Transaction

__all__ = ["Address", "Balance", "BankAccount", "Identity", "LinkStart", "LinkedItem", "Owner", "Transaction"]
