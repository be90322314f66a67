"""What does the platform need to know to import OFX and QFX files?"""

from typing import BinaryIO

from bursar.domain.connections import ProviderCapability, ProviderCategory
from bursar.importers.ofx.container import sniff
from bursar.importers.ofx.document import read_document
from bursar.importers.ofx.failures import OfxFileError
from bursar.importers.ofx.mapping import Mapping
from bursar.ports.errors import ProviderValidationError
from bursar.ports.importer import FileProvider, ImporterSpec, ImportOptions, StatementFile


def read(stream: BinaryIO, options: ImportOptions) -> StatementFile:
    """Return the statements of an OFX or QFX file.

    Raises:
        ProviderValidationError: the file as a whole cannot be read; nothing of it was delivered.
    """
    limits = options.limits
    try:
        document = read_document(
            stream,
            today=options.today,
            allow_truncated=options.allow_truncated,
            max_bytes=limits.max_bytes,
            max_rows=limits.max_rows,
            max_statements=limits.max_statements,
        )
    except OfxFileError as error:
        raise ProviderValidationError(
            error.message, code=error.code, line=error.line, provider="ofx", upstream_code=error.status
        ) from None
    return Mapping(document, options).to_file()


IMPORTER = ImporterSpec(
    slug="ofx",
    display_name="OFX / QFX",
    extensions=(".ofx", ".qfx", ".qbo"),
    media_types=("application/x-ofx", "application/vnd.intu.qfx", "application/vnd.intu.qbo", "application/ofx"),
    file_providers=(
        FileProvider(
            slug="chase_file",
            display_name="Chase (file)",
            category=ProviderCategory.BANK,
            description="Statements downloaded from Chase as QFX.",
        ),
        FileProvider(
            slug="ofx_file",
            display_name="Any institution (OFX or QFX file)",
            category=ProviderCategory.BANK,
            description="Statements downloaded from a bank, card company or broker as OFX or QFX.",
        ),
    ),
    capabilities=frozenset(
        {
            ProviderCapability.ACCOUNTS,
            ProviderCapability.TRANSACTIONS,
            ProviderCapability.HOLDINGS,
            ProviderCapability.PENDING_TRANSACTIONS,
            ProviderCapability.MULTIPLE_ACCOUNTS,
        }
    ),
    carries_account_identity=True,
    sniff=sniff,
    read=read,
)
