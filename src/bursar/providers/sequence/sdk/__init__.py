"""A typed client for Sequence's web application."""

from bursar.providers.sequence.sdk.async_client import AsyncSequenceClient
from bursar.providers.sequence.sdk.auth import AuthTokens, authenticate, get_access_token, refresh
from bursar.providers.sequence.sdk.client import SequenceClient
from bursar.providers.sequence.sdk.config import (
    SequenceConfig,
    SequenceCredentials,
    get_credentials,
    get_sequence_config,
)
from bursar.providers.sequence.sdk.exceptions import (
    AuthenticationError,
    ConfigurationError,
    GraphQLError,
    HttpError,
    LimitExceededError,
    LimitFileError,
    MissingDependencyError,
    NotFoundError,
    RateLimitedError,
    SequenceError,
    TokenExpiredError,
    TransferError,
    TransferIntent,
    TransferOutcomeUnknownError,
    TransportError,
)
from bursar.providers.sequence.sdk.operations import Operation, OperationRunner
from bursar.providers.sequence.sdk.reconciliation import Reconciliation, TransferOutcome
from bursar.providers.sequence.sdk.runner import Pace
from bursar.providers.sequence.sdk.safeguards import (
    AsyncGuardedTransfers,
    AuditLog,
    DailyLimitTracker,
    GuardedResult,
    GuardedTransfers,
    Order,
    Reservation,
)
from bursar.providers.sequence.sdk.types import AccountType, ActivityType, Direction, TransferStatus

__all__ = [
    "AccountType",
    "ActivityType",
    "AsyncGuardedTransfers",
    "AsyncSequenceClient",
    "AuditLog",
    "AuthTokens",
    "AuthenticationError",
    "ConfigurationError",
    "DailyLimitTracker",
    "Direction",
    "GraphQLError",
    "GuardedResult",
    "GuardedTransfers",
    "HttpError",
    "LimitExceededError",
    "LimitFileError",
    "MissingDependencyError",
    "NotFoundError",
    "Operation",
    "OperationRunner",
    "Order",
    "Pace",
    "RateLimitedError",
    "Reconciliation",
    "Reservation",
    "SequenceClient",
    "SequenceConfig",
    "SequenceCredentials",
    "SequenceError",
    "TokenExpiredError",
    "TransferError",
    "TransferIntent",
    "TransferOutcome",
    "TransferOutcomeUnknownError",
    "TransferStatus",
    "TransportError",
    "authenticate",
    "get_access_token",
    "get_credentials",
    "get_sequence_config",
    "refresh",
]
