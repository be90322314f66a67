"""The same client for blocking code."""

from bursar.providers.flanks.sdk.sync.client import FlanksSyncClient

__all__ = ["FlanksSyncClient"]
