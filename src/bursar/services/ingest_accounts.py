"""Which account of the ledger is this account of a provider?

Ids of accounts change with a new consent, and one account may be read through several sources. In order: the same id
at the same connection; a keyed hash of the real number anywhere in the tenant; an id that the provider keeps across
consents; and last, one account that has vanished beside exactly one that is new, of equal type, currency, name and
visible digits. Anything less certain is a new account: a wrong merge costs more than a second account.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bursar.domain.accounts import AccountType, ProviderAccountData
from bursar.domain.ids import new_id
from bursar.domain.sync import DataWarning, RecordKind, RejectedRecord, RejectReason, SyncBatch, SyncReport
from bursar.services.ingest_target import IngestTarget
from bursar.storage import accounts
from bursar.storage.accounts import AccountFacts, AccountSource
from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class ResolvedAccount:
    """An account of the ledger and the source through which the batch reads it."""

    account_id: UUID
    source_id: UUID
    has_ended_sources: bool
    """True when the account was read under other ids before: its rows may be known by their content."""
    zone: str | None
    """IANA zone of the institution's calendar; None when unknown."""
    currency: str
    is_new: bool = False
    """True when this batch is the first to name it: nothing can be known of its rows."""


async def resolve_accounts(
    tx: Transaction, tenant_id: UUID, target: IngestTarget, batch: SyncBatch, report: SyncReport, at: datetime
) -> dict[str, ResolvedAccount]:
    """Return the account of each `provider_account_id` that the connection has ever used, writing what changed."""
    sources = await accounts.list_sources(tx, tenant_id, target.connection_id)
    by_id = {source.provider_account_id: source for source in sources}
    incoming = {_stored_id(account, target): account for account in batch.accounts}
    ended = {source.account_id for source in sources if source.valid_until is not None}
    resolved: dict[str, ResolvedAccount] = {}
    for stored_id, account in incoming.items():
        known = by_id.get(stored_id)
        account_id = known.account_id if known is not None else None
        if known is None:
            account_id, replaced = await _find_elsewhere(tx, tenant_id, target, account, stored_id, sources, incoming)
            if replaced is not None:
                await accounts.end_sources(tx, tenant_id, [replaced.id], at)
                ended.add(replaced.account_id)
                report.warnings.append(_REBOUND)
        elif known.valid_until is not None:
            await accounts.reopen_source(tx, tenant_id, known.id)
        if known is not None and known.currency != account.currency:
            report.rejected.append(_currency_changed(account))
            continue
        is_new = account_id is None
        account_id = await _write_account(tx, tenant_id, target, account, account_id, report, at)
        source_id = known.id if known is not None else new_id()
        if known is None:
            await accounts.insert_source(
                tx,
                tenant_id,
                source_id,
                account_id=account_id,
                connection_id=target.connection_id,
                provider_slug=target.provider_slug,
                provider_account_id=stored_id,
                persistent_id=account.persistent_id,
                at=at,
            )
        resolved[account.provider_account_id] = ResolvedAccount(
            account_id, source_id, account_id in ended, account.institution_timezone, account.currency, is_new
        )
    if batch.accounts_complete:
        await accounts.mark_missing(
            tx, tenant_id, target.connection_id, listed=[account.account_id for account in resolved.values()], at=at
        )
    for source in sources:
        if source.provider_account_id not in incoming:
            resolved.setdefault(
                source.provider_account_id,
                ResolvedAccount(source.account_id, source.id, source.account_id in ended, None, source.currency),
            )
    return resolved


_REBOUND = DataWarning(
    code="account_rebound",
    message="The provider gave an account a new id; the account was recognised and its history kept.",
)


def _currency_changed(account: ProviderAccountData) -> RejectedRecord:
    return RejectedRecord(
        kind=RecordKind.ACCOUNT,
        index=0,
        reason=RejectReason.INCONSISTENT,
        field="currency",
        redacted_excerpt=f"now {account.currency}",
    )


def _stored_id(account: ProviderAccountData, target: IngestTarget) -> str:
    if account.id_is_sensitive:
        return target.hash_identity(account.provider_account_id)
    return account.provider_account_id


async def _find_elsewhere(
    tx: Transaction,
    tenant_id: UUID,
    target: IngestTarget,
    account: ProviderAccountData,
    stored_id: str,
    sources: list[AccountSource],
    incoming: dict[str, ProviderAccountData],
) -> tuple[UUID | None, AccountSource | None]:
    """Return the account that a new id stands for (None: a new account), and the source that it replaces."""
    if target.into_account_id is not None and len(incoming) == 1:
        return target.into_account_id, None
    if account.id_is_sensitive:
        return await accounts.find_account_by_identity(tx, tenant_id, stored_id), None
    if account.persistent_id:
        same = [source for source in sources if source.persistent_id == account.persistent_id]
        if same:
            return same[0].account_id, same[0]
    vanished = [s for s in sources if s.valid_until is None and s.provider_account_id not in incoming]
    known_ids = {source.provider_account_id for source in sources}
    fresh = [other for other_id, other in incoming.items() if other_id not in known_ids]
    candidates = [source for source in vanished if _look(source) == _looks_like(account)]
    rivals = [other for other in fresh if _looks_like(other) == _looks_like(account)]
    if len(candidates) == 1 and len(rivals) == 1 and any(digit.isalnum() for digit in account.account_number_masked):
        return candidates[0].account_id, candidates[0]
    return None, None


def _look(source: AccountSource) -> tuple[str, str, str, str]:
    return source.account_type, source.currency, source.account_number_masked, source.name


def _looks_like(account: ProviderAccountData) -> tuple[str, str, str, str]:
    return AccountType(account.account_type).value, account.currency, account.account_number_masked, account.name


async def _write_account(
    tx: Transaction,
    tenant_id: UUID,
    target: IngestTarget,
    account: ProviderAccountData,
    account_id: UUID | None,
    report: SyncReport,
    at: datetime,
) -> UUID:
    """Create the account, or write what differs; a file that was put into an account does not rename it."""
    facts = _facts(account, target)
    if account_id is None:
        account_id = new_id()
        await accounts.insert_account(tx, tenant_id, account_id, facts, at)
        report.accounts.created += 1
    elif target.into_account_id is None and await accounts.update_account(tx, tenant_id, account_id, facts, at):
        report.accounts.updated += 1
    else:
        report.accounts.unchanged += 1
    return account_id


def _facts(account: ProviderAccountData, target: IngestTarget) -> AccountFacts:
    kind = AccountType(account.account_type)
    return AccountFacts(
        name=account.name[:255],
        account_type=kind.value,
        provider_type=account.provider_type or (account.account_type if kind is AccountType.OTHER else None),
        account_number_masked=account.account_number_masked,
        currency=account.currency,
        balance=account.balance,
        balance_known=account.balance_known,
        available_balance=account.available_balance,
        cash_balance=account.cash_balance,
        credit_limit=account.credit_limit,
        balance_as_of=account.balance_as_of,
        institution_name=target.institution_name,
        institution_timezone=account.institution_timezone,
        is_active=account.is_active,
    )
