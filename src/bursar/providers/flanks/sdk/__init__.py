"""A typed client for Flanks' API."""

from bursar.providers.flanks.sdk._version import __version__
from bursar.providers.flanks.sdk.arguments import UNSET
from bursar.providers.flanks.sdk.client import FlanksClient
from bursar.providers.flanks.sdk.connection import FlanksConnection
from bursar.providers.flanks.sdk.exceptions import (
    FlanksAPIError,
    FlanksArgumentError,
    FlanksAuthError,
    FlanksConfigError,
    FlanksError,
    FlanksNetworkError,
    FlanksNotFoundError,
    FlanksPermissionError,
    FlanksRateLimitError,
    FlanksResponseError,
    FlanksServerError,
    FlanksValidationError,
    FlanksWaitTimeoutError,
)
from bursar.providers.flanks.sdk.model import FlanksModel
from bursar.providers.flanks.sdk.pagination import InvalidItem, PagedResponse
from bursar.providers.flanks.sdk.responses import FlanksResponse
from bursar.providers.flanks.sdk.sync.client import FlanksSyncClient
from bursar.providers.flanks.sdk.tokens import CachedToken, MemoryTokenCache, TokenCache

__all__ = [
    "UNSET",
    "CachedToken",
    "FlanksAPIError",
    "FlanksArgumentError",
    "FlanksAuthError",
    "FlanksClient",
    "FlanksConfigError",
    "FlanksConnection",
    "FlanksError",
    "FlanksModel",
    "FlanksNetworkError",
    "FlanksNotFoundError",
    "FlanksPermissionError",
    "FlanksRateLimitError",
    "FlanksResponse",
    "FlanksResponseError",
    "FlanksServerError",
    "FlanksSyncClient",
    "FlanksValidationError",
    "FlanksWaitTimeoutError",
    "InvalidItem",
    "MemoryTokenCache",
    "PagedResponse",
    "TokenCache",
    "__version__",
]
