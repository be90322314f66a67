"""Credentials: logins of end users."""

from bursar.providers.flanks.sdk.credentials.client import CredentialsClient
from bursar.providers.flanks.sdk.credentials.models import (
    Credential,
    CredentialPage,
    CredentialState,
    CredentialStatus,
    DataFlags,
    ProductFlags,
    TransactionFlags,
)

__all__ = [
    "Credential",
    "CredentialPage",
    "CredentialState",
    "CredentialStatus",
    "CredentialsClient",
    "DataFlags",
    "ProductFlags",
    "TransactionFlags",
]
