"""What do an institution's accounts hold at this moment, one question for each of them?"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bursar.domain.accounts import AccountType, ProviderAccountData
from bursar.domain.money import AmountError, check_amount
from bursar.domain.sync import DataWarning, RecordBatch
from bursar.ports.errors import ProviderUnavailableError, ProviderUnsupportedError
from bursar.ports.fanout import ask_each
from bursar.providers.finicity.failures import SLUG, invalid_answer, login_required
from bursar.providers.finicity.mapping import sign_of
from bursar.providers.finicity.reading import LoginReader
from bursar.providers.finicity.sdk.client import FinicityClient
from bursar.providers.finicity.sdk.errors import FinicityUnsupportedError
from bursar.providers.finicity.sdk.models.accounts import Account, LiveBalance
from bursar.providers.finicity.sdk.statuses import LoginState, state_of
from bursar.providers.finicity.sdk.wire import to_instant
from bursar.providers.finicity.signs import sign_balance


async def read_live(
    client: FinicityClient, customer_id: str, reader: LoginReader, account_ids: Sequence[str]
) -> RecordBatch[ProviderAccountData]:
    """Ask about accounts, a few at once; those that cannot be asked about keep what was read last, with a warning.

    Args:
        client: the SDK's client.
        customer_id: whose.
        reader: has read the login's accounts.
        account_ids: of accounts that it knows.

    Raises:
        ProviderAuthenticationError: the institution wants to see the user.
        ProviderUnsupportedError: none of the accounts can be asked about.
        ProviderUnavailableError: the institution says of none what it holds now.
    """
    warnings: list[DataWarning] = []
    unsupported: set[str] = set()

    async def ask(account_id: str) -> ProviderAccountData:
        listed = reader.accounts[account_id]
        try:
            told = await client.get_live_balance(customer_id, account_id, cache_interval_min=0)
        except FinicityUnsupportedError:
            unsupported.add(account_id)
            warnings.append(_not_live(account_id, "Finicity cannot ask for the balance of this type of account."))
            return listed
        state = state_of(told.aggregation_status_code)
        if told.aggregation_status_code is not None and state is LoginState.NEEDS_USER:
            raise login_required(told.aggregation_status_code)
        if state is not LoginState.ACTIVE or told.cleared_balance is None:
            warnings.append(_not_live(account_id, "The institution did not say what this account holds now."))
            return listed
        return to_live(listed, reader.listed(account_id), told)

    found = await ask_each(account_ids, ask)
    if account_ids and len(unsupported) == len(account_ids):
        raise ProviderUnsupportedError("Finicity cannot ask for the balances of these accounts.", provider=SLUG)
    if account_ids and len(warnings) == len(account_ids):
        raise ProviderUnavailableError(
            "The institution does not answer at the moment.", code="institution_down", provider=SLUG
        )
    return RecordBatch(
        found,
        rejected=reader.rejected,
        complete=not reader.rejected,
        warnings=[*reader.warnings, *warnings],
    )


def to_live(record: ProviderAccountData, listed: Account, told: LiveBalance) -> ProviderAccountData:
    """Return an account with a live balance, which points the same way as the one that was listed.

    Raises:
        ProviderInvalidResponseError: a number that no account holds, another currency, or a time out of range.
    """
    if told.cleared_balance is None or (told.currency or record.currency).upper() != record.currency:
        raise invalid_answer()
    try:
        balance = check_amount(told.cleared_balance)
        available = None if told.available_balance is None else check_amount(told.available_balance)
        as_of = None if told.cleared_balance_date is None else to_instant(told.cleared_balance_date)
    except (AmountError, ValueError):
        raise invalid_answer() from None
    # What is left of a card's limit is not what this answer calls available.
    is_credit = AccountType(record.account_type).is_credit()
    return replace(
        record,
        balance=_signed(balance, record.account_type, listed),
        balance_known=True,
        available_balance=record.available_balance if is_credit or available is None else available,
        balance_as_of=as_of,
    )


def _signed(balance: Decimal, account_type: str, listed: Account) -> Decimal:
    before = sign_of(listed)
    if before is None or not before.amount:
        return sign_balance(balance, account_type, listed.detail).amount
    return balance.copy_negate() if before.is_turned and balance else balance


def _not_live(account_id: str, message: str) -> DataWarning:
    return DataWarning(code="balance_not_live", message=message, provider_id=account_id)
