"""Which account of the ledger is this account of a provider?

Ids of accounts change with a new consent, and one account may be read through several sources. In order: the same id
at the same connection; a keyed hash of the full number anywhere in the tenant; an id that the provider keeps across
consents; and last, one account that has vanished beside exactly one that is new, of equal type, currency, name and
visible digits. Anything less certain is a new account: a wrong merge costs more than a second account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from bursar.domain.accounts import AccountType, ProviderAccountData, is_same_kind
from bursar.domain.evidence import EvidenceOrigin
from bursar.domain.ids import new_id
from bursar.domain.sync import (
    DataWarning,
    RecordCounts,
    RecordKind,
    RejectedRecord,
    RejectReason,
    SyncBatch,
    SyncReport,
)
from bursar.services.ingest_target import IngestTarget
from bursar.storage import account_sources, accounts
from bursar.storage.account_sources import AccountSource
from bursar.storage.accounts import AccountFacts, AccountWrite
from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class ResolvedAccount:
    """An account of the ledger and the source through which the batch reads it."""

    account_id: UUID
    source_id: UUID
    zone: str | None
    """IANA zone of the institution's calendar; None when unknown."""
    currency: str
    is_new: bool = False
    """True when this batch is the first to name it: nothing can be known of its rows."""
    listed_at: datetime | None = None
    """When the newest listing of this source was true; None when it never listed all rows."""
    origins: Mapping[UUID, EvidenceOrigin] = field(default_factory=dict[UUID, EvidenceOrigin])
    """The account's other sources, and what each is to this one."""
    ended_here: frozenset[UUID] = frozenset()
    """The ended ones of them that belonged to the same connection: what they told, the connection tells now."""

    def leads(self, *, is_file: bool) -> bool:
        """True when no other living source comes first: an API before a file, then the one that was there before."""
        living = [other for other, origin in self.origins.items() if origin is EvidenceOrigin.OTHER]
        if is_file:
            files = [other for other, origin in self.origins.items() if origin is EvidenceOrigin.FILE]
            return not living and all(self.source_id < other for other in files)
        return all(self.source_id < other for other in living)

    @property
    def has_ended_sources(self) -> bool:
        """True when the account was read under other ids before: its rows may be known by their content."""
        return any(origin is EvidenceOrigin.ENDED for origin in self.origins.values())


@dataclass(slots=True)
class _Match:
    """What is known of an incoming account."""

    account: ProviderAccountData
    stored_id: str
    identity: str | None
    """Keyed hash of the full number."""
    known: AccountSource | None = None
    account_id: UUID | None = None
    """None: a new account."""
    replaced: AccountSource | None = None
    """The source of the same connection whose place this one takes."""


async def resolve_accounts(
    tx: Transaction, tenant_id: UUID, target: IngestTarget, batch: SyncBatch, report: SyncReport, at: datetime
) -> dict[str, ResolvedAccount]:
    """Return the account of each `provider_account_id` that the connection has ever used, writing what changed."""
    related = await account_sources.list_sources(tx, tenant_id, target.connection_id)
    sources = [source for source in related if source.connection_id == target.connection_id]
    matches = await _match(tx, tenant_id, target, batch, sources)
    standing = await _standing(tx, tenant_id, matches, related)
    for match in matches:
        if match.replaced is not None:
            await account_sources.end_sources(tx, tenant_id, [match.replaced.id], at)
            standing[match.replaced.account_id][match.replaced.id] = (match.replaced, True)
            report.warnings.append(_REBOUND)
    resolved: dict[str, ResolvedAccount] = {}
    writes: list[AccountWrite] = []
    for match in matches:
        account = match.account
        if match.known is not None and match.known.currency != account.currency:
            report.rejected.append(_currency_changed(account))
            continue
        others = standing.get(match.account_id, {}) if match.account_id is not None else {}
        if match.account_id is None:
            account_id = new_id()
            await accounts.insert_account(tx, tenant_id, account_id, _facts(account, target), at)
            report.accounts.created += 1
        else:
            account_id = match.account_id
            writes.append(AccountWrite(account_id, _facts(account, target), _leads(match, target, others)))
        source_id = await _write_source(tx, tenant_id, target, match, account_id, at)
        resolved[account.provider_account_id] = _resolved(
            account_id, source_id, target.connection_id, match.known, others, account, is_new=match.account_id is None
        )
    # A file that was put into an account does not rename it.
    changed = await accounts.update_accounts(tx, tenant_id, writes, at) if target.into_account_id is None else 0
    report.accounts.add(RecordCounts(updated=changed, unchanged=len(writes) - changed))
    listed = {account.account_id for account in resolved.values()}
    if batch.accounts_complete and any(source.account_id not in listed for source in sources):
        await accounts.mark_missing(tx, tenant_id, target.connection_id, listed=sorted(listed), at=at)
    incoming = {match.stored_id for match in matches}
    for source in sources:
        if source.provider_account_id not in incoming:
            resolved.setdefault(
                source.provider_account_id,
                _resolved(
                    source.account_id,
                    source.id,
                    target.connection_id,
                    source,
                    standing.get(source.account_id, {}),
                    None,
                ),
            )
    return resolved


_Standing = dict[UUID, tuple[AccountSource, bool]]
"""Source id -> a source of an account, and whether it has ended."""


async def _standing(
    tx: Transaction, tenant_id: UUID, matches: Iterable[_Match], related: Iterable[AccountSource]
) -> dict[UUID, _Standing]:
    """Return by account every source that it has, or had, at any connection; `related` are those that are read."""
    standing: dict[UUID, _Standing] = {}
    for source in related:
        standing.setdefault(source.account_id, {})[source.id] = (source, source.valid_until is not None)
    elsewhere = {match.account_id for match in matches if match.account_id is not None} - standing.keys()
    for source in await account_sources.list_sources_of_accounts(tx, tenant_id, sorted(elsewhere)):
        standing.setdefault(source.account_id, {})[source.id] = (source, source.valid_until is not None)
    return standing


def _resolved(
    account_id: UUID,
    source_id: UUID,
    connection_id: UUID,
    known: AccountSource | None,
    others: _Standing,
    account: ProviderAccountData | None,
    *,
    is_new: bool = False,
) -> ResolvedAccount:
    origins = {
        other_id: EvidenceOrigin.ENDED if has_ended else EvidenceOrigin.FILE if other.is_file else EvidenceOrigin.OTHER
        for other_id, (other, has_ended) in others.items()
        if other_id != source_id
    }
    currency = account.currency if account is not None else known.currency if known is not None else ""
    told = [account.institution_timezone] if account is not None else []
    stored = [source.institution_timezone for source, _ in others.values()]
    return ResolvedAccount(
        account_id,
        source_id,
        next((zone for zone in [*told, *stored] if zone), None),
        currency,
        is_new,
        known.listed_at if known is not None else None,
        origins,
        frozenset(
            other_id
            for other_id, origin in origins.items()
            if origin is EvidenceOrigin.ENDED and others[other_id][0].connection_id == connection_id
        ),
    )


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


async def _match(
    tx: Transaction, tenant_id: UUID, target: IngestTarget, batch: SyncBatch, sources: list[AccountSource]
) -> list[_Match]:
    """Pair each account of the batch with at most one account of the ledger, and the other way round."""
    by_id = {source.provider_account_id: source for source in sources}
    matches: dict[str, _Match] = {}
    for account in batch.accounts:
        stored_id = _stored_id(account, target)
        identity = target.hash_identity(account.identity) if account.identity else None
        match = _Match(account, stored_id, identity, by_id.get(stored_id))
        match.account_id = match.known.account_id if match.known is not None else None
        matches[stored_id] = match
    strangers = [match for match in matches.values() if match.known is None]
    elsewhere = await account_sources.list_matching_sources(
        tx,
        tenant_id,
        identity_hashes=[match.identity for match in strangers if match.identity is not None],
        hashed_ids=[match.stored_id for match in strangers if match.account.id_is_sensitive],
        provider_slug=target.provider_slug,
        persistent_ids=[match.account.persistent_id for match in strangers if match.account.persistent_id],
    )
    taken = {match.account_id for match in matches.values() if match.account_id is not None}
    for match in strangers:
        if target.into_account_id is not None and len(matches) == 1:
            match.account_id = target.into_account_id
            continue
        same = [one for one in _same_account(match, target, elsewhere) if one.account_id not in taken]
        # What the connection itself has read under another id comes before what others have read.
        found = min(same, key=lambda one: one.connection_id != target.connection_id, default=None)
        if found is None:
            found = _lookalike(match, sources, matches)
        if found is None or found.account_id in taken:
            continue
        match.account_id = found.account_id
        taken.add(found.account_id)
        if not target.is_file:
            # The consent that named the account otherwise is over; another connection's goes on.
            match.replaced = next(
                (
                    source
                    for source in sources
                    if source.account_id == found.account_id
                    and source.valid_until is None
                    and source.provider_account_id not in matches
                ),
                None,
            )
    return list(matches.values())


def _same_account(match: _Match, target: IngestTarget, elsewhere: Iterable[AccountSource]) -> Iterable[AccountSource]:
    """Yield the sources that read the same account: by the number first, then by the provider's lasting id."""
    account = match.account
    alike = [one for one in elsewhere if one.currency == account.currency]
    for one in alike:
        # One number may stand for a member with several accounts, so the kinds must not contradict each other.
        if match.identity is not None and one.identity_hash == match.identity:
            if is_same_kind(one.account_type, account.account_type):
                yield one
        elif account.id_is_sensitive and one.provider_account_id == match.stored_id:
            yield one
    for one in alike:
        is_lasting = one.provider_slug == target.provider_slug and one.persistent_id == account.persistent_id
        if account.persistent_id and is_lasting:
            yield one


def _lookalike(match: _Match, sources: Iterable[AccountSource], matches: Mapping[str, _Match]) -> AccountSource | None:
    """Return the one source of this connection that has vanished and looks like the one account that is new."""
    account = match.account
    vanished = [s for s in sources if s.valid_until is None and s.provider_account_id not in matches]
    candidates = [source for source in vanished if _look(source) == _looks_like(account)]
    rivals = [o for o in matches.values() if o.known is None and _looks_like(o.account) == _looks_like(account)]
    if len(candidates) == 1 and len(rivals) == 1 and any(digit.isalnum() for digit in account.account_number_masked):
        return candidates[0]
    return None


def _look(source: AccountSource) -> tuple[str, str, str, str]:
    return source.account_type, source.currency, source.account_number_masked, source.name


def _looks_like(account: ProviderAccountData) -> tuple[str, str, str, str]:
    return AccountType(account.account_type).value, account.currency, account.account_number_masked, account.name


async def _write_source(
    tx: Transaction, tenant_id: UUID, target: IngestTarget, match: _Match, account_id: UUID, at: datetime
) -> UUID:
    """Join the account to its source, or write what the source tells anew of itself; return the source."""
    known, account = match.known, match.account
    if known is None:
        source_id = new_id()
        await account_sources.insert_source(
            tx,
            tenant_id,
            source_id,
            account_id=account_id,
            connection_id=target.connection_id,
            provider_slug=target.provider_slug,
            provider_account_id=match.stored_id,
            persistent_id=account.persistent_id,
            identity_hash=match.identity,
            at=at,
        )
        return source_id
    if known.valid_until is not None:
        await account_sources.reopen_source(tx, tenant_id, known.id)
    told = (account.persistent_id or known.persistent_id, match.identity or known.identity_hash)
    if told != (known.persistent_id, known.identity_hash):
        await account_sources.identify_source(tx, tenant_id, known.id, persistent_id=told[0], identity_hash=told[1])
    return known.id


def _leads(match: _Match, target: IngestTarget, others: _Standing) -> bool:
    """True when no other living source comes first: an API before a file, then the one that was there before."""
    own = match.known.id if match.known is not None else None
    living = [one for one, has_ended in others.values() if not has_ended and one.id != own]
    if target.is_file:
        return not any(not one.is_file for one in living) and (own is None or all(own <= one.id for one in living))
    return not any(not one.is_file and (own is None or one.id < own) for one in living)


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
