"""Aggregation v2: what all credentials hold."""

from bursar.providers.flanks.sdk.aggregation_v2.client import AggregationV2Client
from bursar.providers.flanks.sdk.aggregation_v2.models import (
    Product,
    ProductQuery,
    ProductType,
    Transaction,
    TransactionQuery,
)

__all__ = [
    "AggregationV2Client",
    "Product",
    "ProductQuery",
    "ProductType",
    "Transaction",
    "TransactionQuery",
]
