"""How does blocking code read what credentials hold?"""

from collections.abc import Iterator, Mapping
from typing import Any

from bursar.providers.flanks.sdk.aggregation_v1 import models
from bursar.providers.flanks.sdk.aggregation_v1.client import AggregationV1Client, AnyProduct, AnyTransaction, Query
from bursar.providers.flanks.sdk.aggregation_v2.client import AggregationV2Client
from bursar.providers.flanks.sdk.aggregation_v2.models import Product, ProductQuery, Transaction, TransactionQuery
from bursar.providers.flanks.sdk.pagination import PagedResponse
from bursar.providers.flanks.sdk.sync.group import SyncGroup


class SyncAggregationV1Client(SyncGroup[AggregationV1Client]):
    """`AggregationV1Client` for blocking code: what one credential holds, at its last extraction."""

    def get_portfolios(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Portfolio]:
        """Return the securities accounts."""
        return self._loop.run(self._calls.get_portfolios(credentials_token, query, ignore_data_error))

    def get_investments(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Investment]:
        """Return the positions."""
        return self._loop.run(self._calls.get_investments(credentials_token, query, ignore_data_error))

    def get_investment_transactions(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.InvestmentTransaction]:
        """Return the movements of the securities accounts."""
        return self._loop.run(self._calls.get_investment_transactions(credentials_token, query, ignore_data_error))

    def get_accounts(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Account]:
        """Return the cash accounts."""
        return self._loop.run(self._calls.get_accounts(credentials_token, query, ignore_data_error))

    def get_account_transactions(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.AccountTransaction]:
        """Return the movements of the cash accounts."""
        return self._loop.run(self._calls.get_account_transactions(credentials_token, query, ignore_data_error))

    def get_liabilities(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Liability]:
        """Return the debts."""
        return self._loop.run(self._calls.get_liabilities(credentials_token, query, ignore_data_error))

    def get_liability_transactions(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.LiabilityTransaction]:
        """Return the movements of the debts."""
        return self._loop.run(self._calls.get_liability_transactions(credentials_token, query, ignore_data_error))

    def get_cards(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Card]:
        """Return the cards."""
        return self._loop.run(self._calls.get_cards(credentials_token, query, ignore_data_error))

    def get_card_transactions(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.CardTransaction]:
        """Return the movements of the cards."""
        return self._loop.run(self._calls.get_card_transactions(credentials_token, query, ignore_data_error))

    def get_identity(self, credentials_token: str, ignore_data_error: bool = False) -> models.Identity | None:
        """Return the person whose login it is; None when Flanks has none."""
        return self._loop.run(self._calls.get_identity(credentials_token, ignore_data_error))

    def get_holders(self, credentials_token: str, ignore_data_error: bool = False) -> list[models.Holder]:
        """Return who has which relation to which product."""
        return self._loop.run(self._calls.get_holders(credentials_token, ignore_data_error))

    def list_products(
        self, credentials_token: str | None = None, *, ignore_data_error: bool = False, max_items: int | None = None
    ) -> Iterator[AnyProduct]:
        """Yield accounts, cards, investments and liabilities of one credential, or of all of them."""
        return self._loop.iterate(
            self._calls.list_products(credentials_token, ignore_data_error=ignore_data_error, max_items=max_items)
        )

    def list_transactions(
        self, credentials_token: str | None = None, *, ignore_data_error: bool = False, max_items: int | None = None
    ) -> Iterator[AnyTransaction]:
        """Yield the movements of accounts, cards, investments and liabilities of one credential, or of all of them."""
        return self._loop.iterate(
            self._calls.list_transactions(credentials_token, ignore_data_error=ignore_data_error, max_items=max_items)
        )

    def set_product_labels(self, product_id: str, labels: Mapping[str, str]) -> None:
        """Refuse: labels are a part of Aggregation v2."""
        self._loop.run(self._calls.set_product_labels(product_id, labels))

    def set_transaction_labels(self, transaction_id: str, labels: Mapping[str, str]) -> None:
        """Refuse: labels are a part of Aggregation v2."""
        self._loop.run(self._calls.set_transaction_labels(transaction_id, labels))


class SyncAggregationV2Client(SyncGroup[AggregationV2Client]):
    """`AggregationV2Client` for blocking code: products and transactions of all credentials, and labels on them."""

    def list_products(
        self, query: ProductQuery | Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> Iterator[Product]:
        """Yield products."""
        return self._loop.iterate(self._calls.list_products(query, max_items=max_items))

    def list_products_page(
        self, query: ProductQuery | Mapping[str, Any] | None = None, page_token: str | None = None
    ) -> PagedResponse[Product]:
        """Return one page of products."""
        return self._loop.run(self._calls.list_products_page(query, page_token))

    def set_product_labels(self, product_id: str, labels: Mapping[str, str]) -> None:
        """Replace the labels of a product; an empty mapping removes them."""
        self._loop.run(self._calls.set_product_labels(product_id, labels))

    def list_transactions(
        self, query: TransactionQuery | Mapping[str, Any] | None = None, *, max_items: int | None = None
    ) -> Iterator[Transaction]:
        """Yield transactions."""
        return self._loop.iterate(self._calls.list_transactions(query, max_items=max_items))

    def list_transactions_page(
        self, query: TransactionQuery | Mapping[str, Any] | None = None, page_token: str | None = None
    ) -> PagedResponse[Transaction]:
        """Return one page of transactions."""
        return self._loop.run(self._calls.list_transactions_page(query, page_token))

    def set_transaction_labels(self, transaction_id: str, labels: Mapping[str, str]) -> None:
        """Replace the labels of a transaction; an empty mapping removes them."""
        self._loop.run(self._calls.set_transaction_labels(transaction_id, labels))
