"""How does a file become rows of the ledger: all of it, or nothing?"""

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import PurePath
from typing import BinaryIO, cast
from uuid import UUID

from bursar.domain.accounts import Account, ProviderAccountData
from bursar.domain.balances import SnapshotSource
from bursar.domain.connections import Connection, CredentialType
from bursar.domain.failures import Conflict, FileRefused, NotFound, ServiceFailure
from bursar.domain.ids import new_id
from bursar.domain.result import Failure, Result, Success
from bursar.domain.sync import SyncBatch, SyncReport, SyncStatus, SyncTrigger
from bursar.domain.time import Clock
from bursar.faultpoints import FaultPoint, reach
from bursar.ports.errors import ProviderValidationError
from bursar.ports.importer import ImporterSpec, ImportLimits, ImportOptions, StatementFile
from bursar.registry import Registry
from bursar.services.import_result import ImportResult, to_plain, to_result, to_stored
from bursar.services.ingest import apply_batch
from bursar.services.ingest_target import IngestTarget
from bursar.services.keys import KeyService
from bursar.services.proof import gap_warnings
from bursar.storage import accounts, connections, imports, sync_runs
from bursar.storage.connections import ConnectionFacts
from bursar.storage.unit_of_work import Database, Transaction

HEAD_BYTES = 64 * 1024
_SPOOL_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """A format that can be imported."""

    slug: str
    display_name: str
    extensions: tuple[str, ...]
    media_types: tuple[str, ...]
    max_bytes: int
    carries_account_identity: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """A file and what its sender says about it."""

    stream: BinaryIO = field(repr=False)
    file_name: str = ""
    account_id: UUID | None = None
    """The account that the file belongs to, where the file does not say it."""
    default_currency: str | None = None
    allow_truncated: bool = False
    dry_run: bool = False
    """True to see what an import would do; nothing is stored."""


class _DryRun(Exception):  # noqa: N818 - not an error: it carries the result out of a transaction that must not commit
    def __init__(self, result: ImportResult) -> None:
        super().__init__()
        self.result = result


class ImportService:
    """File imports."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        keys: KeyService,
        clock: Clock,
        limits: ImportLimits | None = None,
        *,
        read_timeout: timedelta = timedelta(seconds=30),
    ) -> None:
        self._database = database
        self._registry = registry
        self._keys = keys
        self._clock = clock
        self.limits = limits or ImportLimits()
        self._read_timeout = read_timeout

    def list_formats(self) -> list[FileFormat]:
        """Return the formats that can be imported."""
        return [
            FileFormat(
                slug=spec.slug,
                display_name=spec.display_name,
                extensions=spec.extensions,
                media_types=spec.media_types,
                max_bytes=self.limits.max_bytes,
                carries_account_identity=spec.carries_account_identity,
            )
            for spec in self._registry.importers.values()
        ]

    async def import_file(
        self, tenant_id: UUID, user_id: UUID, request: ImportRequest
    ) -> Result[ImportResult, ServiceFailure]:
        """Import a file: recognised by its content, read once, stored in one transaction.

        The same file again, or one that overlaps it, adds only what is new. A file that cannot be read whole is
        refused and changes nothing; a row that cannot be read is listed and the others are imported.
        """
        account: Account | None = None
        if request.account_id is not None:
            async with self._database.transaction(tenant_id) as tx:
                account = await accounts.find_account(tx, tenant_id, request.account_id)
            if account is None:
                return Failure(NotFound(what="account"))
        currency = request.default_currency or (account.currency if account is not None else None)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as copy:
            digest = sha256()
            size = 0
            while block := await asyncio.to_thread(request.stream.read, HEAD_BYTES):
                size += len(block)
                if size > self.limits.max_bytes:
                    limit = self.limits.max_bytes // (1024 * 1024)
                    return Failure(FileRefused(code="file_too_large", message=f"The file is larger than {limit} MiB."))
                digest.update(block)
                copy.write(block)
            copy.seek(0)
            head = copy.read(HEAD_BYTES)
            copy.seek(0)
            recognised = self._recognise(head, request.file_name)
            if isinstance(recognised, FileRefused):
                return Failure(recognised)
            spec = recognised
            options = ImportOptions(
                file_name=request.file_name,
                default_currency=currency,
                allow_truncated=request.allow_truncated,
                today=self._clock.now().date(),
                limits=self.limits,
            )
            try:
                file = await asyncio.wait_for(
                    asyncio.to_thread(spec.read, cast("BinaryIO", copy), options), self._read_timeout.total_seconds()
                )
            except ProviderValidationError as error:
                return Failure(FileRefused(code="file_unreadable", message=error.message, line=error.line))
            except TimeoutError:
                return Failure(FileRefused(code="file_unreadable", message="Reading the file took too long."))
        await reach(FaultPoint.IMPORT_READ)
        try:
            async with self._database.transaction(tenant_id) as tx:
                outcome = await self._store(tx, tenant_id, user_id, request, spec, file, account, digest.digest(), size)
                if isinstance(outcome, Success) and request.dry_run:
                    raise _DryRun(outcome.value)
                await reach(FaultPoint.IMPORT_BEFORE_COMMIT)
        except _DryRun as dry_run:
            return Success(dry_run.result)
        await reach(FaultPoint.IMPORT_AFTER_COMMIT)
        return outcome

    async def list_imports(self, tenant_id: UUID, *, limit: int, offset: int) -> tuple[list[dict[str, object]], int]:
        """Return a page of imports, the newest first, and how many there are."""
        async with self._database.transaction(tenant_id) as tx:
            return await imports.list_imports(tx, tenant_id, limit=limit, offset=offset)

    async def get_import(self, tenant_id: UUID, import_id: UUID) -> Result[dict[str, object], NotFound]:
        """Return one import."""
        async with self._database.transaction(tenant_id) as tx:
            found = await imports.find_import(tx, tenant_id, import_id)
        return Success(found) if found is not None else Failure(NotFound(what="import"))

    def _recognise(self, head: bytes, file_name: str) -> ImporterSpec | FileRefused:
        """Return the importer for a file by its content; the name decides only how a stranger is refused."""
        spec = self._registry.recognise(head)
        if spec is not None:
            return spec
        extension = PurePath(file_name).suffix.lower()
        if any(extension in known.extensions for known in self._registry.importers.values()):
            return FileRefused(
                code="file_unreadable",
                message="The file is empty." if not head else f"The content is not that of a {extension} statement.",
            )
        return FileRefused(code="unsupported_file_format", message=f"Unsupported file format: {extension[:16] or '.'}")

    async def _store(
        self,
        tx: Transaction,
        tenant_id: UUID,
        user_id: UUID,
        request: ImportRequest,
        spec: ImporterSpec,
        file: StatementFile,
        account: Account | None,
        digest: bytes,
        size: int,
    ) -> Result[ImportResult, ServiceFailure]:
        if account is None and file.needs_account:
            return Failure(await self._ask_for_account(tx, tenant_id))
        if account is not None and len(file.batch.accounts) > 1:
            message = "The file holds several accounts: it cannot be put into one."
            return Failure(Conflict(code="several_accounts", message=message))
        if account is not None and any(each.currency != account.currency for each in file.batch.accounts):
            message = f"The file's account is not in {account.currency}: it cannot be put into this account."
            return Failure(Conflict(code="currency_mismatch", message=message))
        batch = file.batch if account is None else _into_account(file.batch, account)
        now = self._clock.now()
        connection = await self._connection(tx, tenant_id, user_id, file, now)
        run_id = new_id()
        await sync_runs.insert_run(
            tx,
            tenant_id,
            run_id,
            connection_id=connection.id,
            trigger=SyncTrigger.IMPORT,
            at=now,
            status=SyncStatus.RUNNING,
        )
        report = await apply_batch(
            tx,
            tenant_id,
            IngestTarget(
                connection_id=connection.id,
                provider_slug=file.provider_slug,
                institution_name=file.institution_name,
                id_trust=spec.id_trust,
                sync_run_id=run_id,
                snapshot_source=SnapshotSource.ACCOUNT_SYNC,
                hash_identity=await self._keys.hasher(tx, tenant_id, now),
                is_file=True,
                into_account_id=account.id if account is not None else None,
            ),
            batch,
            now,
        )
        report.warnings.extend(await gap_warnings(tx, tenant_id, connection.id, sync_run_id=run_id, at=now))
        result = to_result(file, report, connection.id, run_id, dry_run=request.dry_run)
        await self._record(tx, tenant_id, request, file, result, report, digest, size, now)
        return Success(result)

    async def _connection(
        self, tx: Transaction, tenant_id: UUID, user_id: UUID, file: StatementFile, at: datetime
    ) -> Connection:
        """Return the user's connection for files of this institution, made active at its first file."""
        login = file.institution_id or "unknown institution"
        await connections.lock_login(tx, tenant_id, provider_slug=file.provider_slug, external_login_id=login)
        found = await connections.find_connection_by_login(
            tx,
            tenant_id,
            user_id=user_id,
            provider_slug=file.provider_slug,
            external_login_id=login,
            environment=None,
        )
        if found is not None:
            return found
        connection_id = new_id()
        await connections.insert_connection(
            tx,
            tenant_id,
            connection_id,
            user_id=user_id,
            provider_slug=file.provider_slug,
            alias=None,
            institution_id=file.institution_id,
            institution_name=file.institution_name,
            external_login_id=login,
            at=at,
        )
        await self._keys.seal_credentials(
            tx,
            tenant_id,
            connection_id,
            provider_slug=file.provider_slug,
            credential_type=CredentialType.FILE_IMPORT.value,
            values={},
            at=at,
        )
        await connections.activate_connection(
            tx,
            tenant_id,
            connection_id,
            ConnectionFacts(
                environment=None,
                external_login_id=login,
                institution_id=file.institution_id,
                institution_name=file.institution_name,
                scopes=(),
                expires_at=None,
                refresh_expires_at=None,
            ),
            at,
        )
        return await connections.get_connection(tx, tenant_id, connection_id)

    async def _record(
        self,
        tx: Transaction,
        tenant_id: UUID,
        request: ImportRequest,
        file: StatementFile,
        result: ImportResult,
        report: SyncReport,
        digest: bytes,
        size: int,
        at: datetime,
    ) -> None:
        await imports.insert_import(
            tx,
            tenant_id,
            result.import_batch_id,
            connection_id=result.connection_id,
            sync_run_id=result.sync_run_id,
            provider_slug=file.provider_slug,
            file_name=request.file_name,
            file_digest=digest,
            file_size=size,
            format_name=file.format_name,
            period_start=file.period_start,
            period_end=file.period_end,
            result=to_stored(result),
            at=at,
        )
        await sync_runs.finish_run(
            tx,
            tenant_id,
            result.sync_run_id,
            status=report.status(),
            counts={
                "accounts": report.accounts.to_dict(),
                "transactions": report.transactions.to_dict(),
                "holdings": report.holdings.to_dict(),
                "balances": report.balances.to_dict(),
            },
            warnings=[to_plain(warning) for warning in report.warnings],
            error_code=None,
            error_message=None,
            next_allowed_at=None,
            at=at,
        )
        await connections.record_import(tx, tenant_id, result.connection_id, status=report.status().value, at=at)

    async def _ask_for_account(self, tx: Transaction, tenant_id: UUID) -> Conflict:
        listed, _ = await accounts.list_accounts(tx, tenant_id, limit=100, offset=0, is_active=True)
        return Conflict(
            code="account_required",
            message="The file does not name its account: say which one it belongs to.",
            candidates=tuple(
                {"account_id": str(account.id), "name": account.name, "number": account.account_number_masked}
                for account in listed
            ),
        )


def _into_account(batch: SyncBatch, account: Account) -> SyncBatch:
    """Return the batch with an account of its own for the rows of a file that names none."""
    if batch.accounts:
        return batch
    unnamed = ProviderAccountData(
        provider_account_id="unnamed",
        account_number_masked=account.account_number_masked,
        name=account.name,
        account_type=account.account_type,
        currency=account.currency,
        balance=Decimal(0),
        balance_known=False,
    )
    return replace(
        batch,
        accounts=[unnamed],
        transactions=[replace(row, provider_account_id="unnamed") for row in batch.transactions],
        listings=[replace(listing, provider_account_id="unnamed") for listing in batch.listings],
        balances=[replace(balance, provider_account_id="unnamed") for balance in batch.balances],
        stated_since={"unnamed": min(batch.stated_since.values())} if batch.stated_since else {},
    )
