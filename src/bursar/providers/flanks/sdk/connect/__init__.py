"""Connect API v2: connectors and sessions."""

from bursar.providers.flanks.sdk.connect.client import ConnectClient
from bursar.providers.flanks.sdk.connect.models import (
    Connector,
    FlanksModel,
    Session,
    SessionConfig,
    SessionErrorCode,
    SessionQuery,
    SessionStatus,
)

__all__ = [
    "ConnectClient",
    "Connector",
    "FlanksModel",
    "Session",
    "SessionConfig",
    "SessionErrorCode",
    "SessionQuery",
    "SessionStatus",
]
