"""The Finicity SDK: wire models, calls, errors. It imports nothing of ours but `transport`."""

from bursar.providers.finicity.sdk.client import FinicityClient
from bursar.providers.finicity.sdk.errors import (
    FinicityAccessError,
    FinicityAggregationError,
    FinicityArgumentError,
    FinicityAuthError,
    FinicityConfigError,
    FinicityConflictError,
    FinicityConnectionError,
    FinicityError,
    FinicityLoginError,
    FinicityNotFoundError,
    FinicityPartnerError,
    FinicityRateLimitError,
    FinicityRequestError,
    FinicityResponseError,
    FinicityServerError,
    FinicityUnsupportedError,
)
from bursar.providers.finicity.sdk.statuses import LoginState, state_of
from bursar.providers.finicity.sdk.sync_client import FinicitySyncClient
from bursar.providers.finicity.sdk.webhooks import ConnectEvent, WebhookRejectedError
from bursar.providers.finicity.sdk.wire import to_instant

__all__ = [
    "ConnectEvent",
    "FinicityAccessError",
    "FinicityAggregationError",
    "FinicityArgumentError",
    "FinicityAuthError",
    "FinicityClient",
    "FinicityConfigError",
    "FinicityConflictError",
    "FinicityConnectionError",
    "FinicityError",
    "FinicityLoginError",
    "FinicityNotFoundError",
    "FinicityPartnerError",
    "FinicityRateLimitError",
    "FinicityRequestError",
    "FinicityResponseError",
    "FinicityServerError",
    "FinicitySyncClient",
    "FinicityUnsupportedError",
    "LoginState",
    "WebhookRejectedError",
    "state_of",
    "to_instant",
]
