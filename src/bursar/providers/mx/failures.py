"""Which of the platform's errors is an error of MX's, and which is a state of a login?"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from bursar.domain.time import Clock
from bursar.ports import errors as ports
from bursar.ports.error_table import ErrorTable, Make, Upstream, authentication, failure, not_configured
from bursar.providers.mx.sdk import errors as sdk
from bursar.providers.mx.sdk.models.members import MemberStatus

SLUG = "mx"

RATE_LIMIT_WAIT = timedelta(minutes=1)
CHANGED_WAIT = timedelta(minutes=1)
TROUBLE_WAIT = timedelta(minutes=15)
JOB_WAIT = timedelta(minutes=5)

_ENTRIES: Mapping[type[sdk.MXError], Make[sdk.MXError]] = {
    sdk.MXCredentialsError: not_configured(
        "MX refuses this deployment's client id and API key for this environment.", "mx_client_id", "mx_api_key"
    ),
    sdk.MXForbiddenError: failure(
        ports.ProviderNotConfiguredError,
        "MX does not let this server in: register its address with MX, or enable the user there.",
    ),
    sdk.MXNotFoundError: failure(ports.ProviderNotFoundError, "MX does not know this object."),
    sdk.MXArgumentError: failure(ports.ProviderValidationError, "MX would not accept this request."),
    sdk.MXRequestError: failure(ports.ProviderValidationError, "MX does not accept this request."),
    sdk.MXConflictError: failure(
        ports.ProviderUnavailableError,
        "MX is busy with this login.",
        code="login_busy",
        wait=JOB_WAIT,
    ),
    sdk.MXVersionError: failure(
        ports.ProviderInvalidResponseError, "MX no longer speaks this version of its API. Update Bursar."
    ),
    sdk.MXRateLimitError: failure(ports.ProviderRateLimitError, "MX asks us to wait.", wait=RATE_LIMIT_WAIT),
    sdk.MXDataChangedError: failure(
        ports.ProviderUnavailableError,
        "The data kept changing while it was read.",
        code="data_changing",
        wait=CHANGED_WAIT,
    ),
    sdk.MXJobTimeoutError: failure(
        ports.ProviderUnavailableError, "MX is still reading the bank.", code="not_ready", wait=JOB_WAIT
    ),
    sdk.MXServerError: failure(ports.ProviderUnavailableError, "MX is not available at the moment."),
    sdk.MXConnectionError: failure(ports.ProviderUnavailableError, "MX could not be reached."),
    sdk.MXError: failure(ports.ProviderInvalidResponseError, "MX answered in a form that we do not understand."),
}

_REMOVED = authentication(
    "MX no longer knows this connection. Connect the bank again.", code="connection_removed", consent_withdrawn=True
)
_SIGN_IN = authentication("The bank asks you to sign in again.", code="login_required")
_ENDED = authentication(
    "MX no longer reads this bank through this connection. Connect the bank again.",
    code="connection_ended",
    consent_withdrawn=True,
)
_TROUBLED = failure(
    ports.ProviderUnavailableError,
    "MX could not read the bank lately; it goes on trying.",
    code="institution_down",
    wait=TROUBLE_WAIT,
)


class Failures:
    """The table, and what it does not hold: a login that is gone, or that needs its user."""

    def __init__(self, clock: Clock) -> None:
        def upstream(error: sdk.MXError) -> Upstream:
            wait = None if error.retry_at is None else max(timedelta(0), error.retry_at - clock.now())
            return Upstream(code=error.code, request_id=error.request_id, retry_after=wait)

        self._upstream = upstream
        self._table = ErrorTable(SLUG, sdk.MXError, upstream, _ENTRIES)

    @contextmanager
    def translated(self) -> Generator[None]:
        """Raise the platform's error for every one of MX's that comes from inside."""
        with self._table.translated():
            yield

    @contextmanager
    def of_login(self) -> Generator[None]:
        """As `translated`, where everything is about one login: what MX does not know there is the login itself."""
        with self._table.translated():
            try:
                yield
            except sdk.MXNotFoundError as error:
                raise _REMOVED(error, SLUG, self._upstream(error)) from error


def raise_state(status: MemberStatus) -> None:
    """Raise the error that a login is in: MX goes on listing what it read before, and says so only here."""
    code = None if status.connection_status is None else status.connection_status[:64]
    state = Exception("the state of a login")
    if status.needs_user:
        raise _SIGN_IN(state, SLUG, Upstream(code=code))
    if status.has_ended:
        raise _ENDED(state, SLUG, Upstream(code=code))
    if status.is_troubled:
        raise _TROUBLED(state, SLUG, Upstream(code=code))
