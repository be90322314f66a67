"""What are a connector and a session?"""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict

from bursar.providers.flanks.sdk.model import FlanksModel, OpaqueId, OpenEnum, RequestModel, known_word
from bursar.providers.flanks.sdk.secret_text import SecretField

__all__ = [
    "Connector",
    "FlanksModel",
    "Session",
    "SessionConfig",
    "SessionErrorCode",
    "SessionQuery",
    "SessionStatus",
]


class SessionStatus(OpenEnum):
    """Where a session stands; finished ones stay as they are."""

    WAITING_CREDENTIALS = "Waiting:ProvideCredentials"
    WAITING_CHALLENGE = "Waiting:Challenge"
    PROCESSING_CREDENTIALS = "Processing:ProvideCredentials"
    PROCESSING_CHALLENGE = "Processing:Challenge"
    FINISHED_OK = "Finished:OK"
    FINISHED_ERROR = "Finished:Error"

    @property
    def is_finished(self) -> bool:
        """Whether nothing happens any more; also for an outcome that this client does not know."""
        return self.value.startswith("Finished:")


class SessionErrorCode(OpenEnum):
    """Why a session failed."""

    INVALID_CREDENTIALS = "InvalidCredentials"
    INVALID_CHALLENGE = "InvalidChallengeResponse"
    UNSUPPORTED_CHALLENGE = "UnsupportedChallengeMethod"
    USER_INTERACTION_NEEDED = "UserInteractionNeeded"
    INTERNAL_ERROR = "InternalError"


def _status(value: object) -> object:
    return "" if value is None else value


class Connector(FlanksModel):
    """An institution that can be connected; the country is ISO 3166-1 alpha-2."""

    connector_id: OpaqueId
    name: str | None = None
    country: str | None = None
    logo_url: str | None = None


class Session(FlanksModel):
    """One flow of one end user: adding a connection, renewing it, or answering a challenge.

    Attributes:
        status: unknown (`is_known` False, empty) when Flanks gave none.
        connection_id: set once the connection exists; another name of `credentials_token`, so masked by `repr`.
        error_code: set only with `Finished:Error`.
        url: the page to send the end user to.
    """

    session_id: OpaqueId
    status: Annotated[SessionStatus, BeforeValidator(_status)]
    connection_id: SecretField | None = None
    error_code: SessionErrorCode | None = None
    url: str | None = None


class SessionQuery(RequestModel):
    """Which sessions: every member must match, a list matches any of its values, an empty list matches nothing."""

    session_id_in: list[OpaqueId] | None = None
    status_in: list[Annotated[SessionStatus, known_word(SessionStatus)]] | None = None
    connection_id_in: list[SecretField] | None = None
    error_code_in: list[Annotated[SessionErrorCode, known_word(SessionErrorCode)]] | None = None


class SessionConfig(RequestModel):
    """What a new session is for. Members that Flanks adds are accepted and sent as they are.

    Attributes:
        redirect_url: where the end user returns, with `session_id` in the query.
        connection_id: an existing connection to renew.
        external_id: your own name of the end user.
    """

    model_config = ConfigDict(extra="allow")

    connector_id: OpaqueId
    redirect_url: str | None = None
    connection_id: SecretField | None = None
    connector_filter: dict[str, Any] | None = None
    initial_step: str | None = None
    privacy_notice: Any = None
    external_id: str | None = None
