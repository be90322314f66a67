"""What do all credentials together hold: Aggregation v2?"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from bursar.providers.flanks.sdk import arguments
from bursar.providers.flanks.sdk.aggregation_v2.models import Product, ProductQuery, Transaction, TransactionQuery
from bursar.providers.flanks.sdk.base import BaseClient
from bursar.providers.flanks.sdk.pagination import PagedResponse

_PRODUCTS = "/aggregation/v2/list-products"
_TRANSACTIONS = "/aggregation/v2/list-transactions"


class AggregationV2Client(BaseClient):
    """Products and transactions of all credentials, and labels on them."""

    def list_products(
        self, query: ProductQuery | Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> AsyncIterator[Product]:
        """Yield products."""
        body = {"query": arguments.request("query", query, ProductQuery)}
        return self._paginate(_PRODUCTS, body, "items", Product, max_items=max_items)

    async def list_products_page(
        self, query: ProductQuery | Mapping[str, Any] | None = None, page_token: str | None = None
    ) -> PagedResponse[Product]:
        """Return one page of products."""
        body = {"query": arguments.request("query", query, ProductQuery)}
        return await self._page(_PRODUCTS, body, "items", Product, page_token)

    async def set_product_labels(self, product_id: str, labels: Mapping[str, str]) -> None:
        """Replace the labels of a product; an empty mapping removes them."""
        body = {"product_id": arguments.text("product_id", product_id), "labels": arguments.labels("labels", labels)}
        await self._send("/aggregation/v2/set-product-labels", body)

    def list_transactions(
        self, query: TransactionQuery | Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> AsyncIterator[Transaction]:
        """Yield transactions."""
        body = {"query": _transaction_query(query)}
        return self._paginate(_TRANSACTIONS, body, "items", Transaction, max_items=max_items)

    async def list_transactions_page(
        self, query: TransactionQuery | Mapping[str, Any] | None = None, page_token: str | None = None
    ) -> PagedResponse[Transaction]:
        """Return one page of transactions."""
        body = {"query": _transaction_query(query)}
        return await self._page(_TRANSACTIONS, body, "items", Transaction, page_token)

    async def set_transaction_labels(self, transaction_id: str, labels: Mapping[str, str]) -> None:
        """Replace the labels of a transaction; an empty mapping removes them."""
        body = {
            "transaction_id": arguments.text("transaction_id", transaction_id),
            "labels": arguments.labels("labels", labels),
        }
        await self._send("/aggregation/v2/set-transaction-labels", body)


def _transaction_query(query: TransactionQuery | Mapping[str, Any] | None) -> dict[str, Any]:
    wanted = arguments.request("query", query, TransactionQuery)
    first, last = wanted.get("date_from"), wanted.get("date_to")
    if first is not None and last is not None and first > last:
        # Nothing could match, and an empty listing would not say why.
        raise arguments.wrong("query", "a date_from that is not after date_to")
    return wanted
