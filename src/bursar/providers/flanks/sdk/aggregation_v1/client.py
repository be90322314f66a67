"""What does one credential hold: Aggregation v1?"""

import builtins
from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn, TypeVar

from bursar.providers.flanks.sdk import arguments
from bursar.providers.flanks.sdk.aggregation_v1 import models
from bursar.providers.flanks.sdk.aggregation_v1.models import AggregationQuery
from bursar.providers.flanks.sdk.base import BaseClient
from bursar.providers.flanks.sdk.connection import read_answer
from bursar.providers.flanks.sdk.credentials.client import CredentialsClient
from bursar.providers.flanks.sdk.exceptions import FlanksConfigError
from bursar.providers.flanks.sdk.model import FlanksModel

T = TypeVar("T", bound=FlanksModel)

Query = AggregationQuery | Mapping[str, Any] | None
AnyProduct = models.Account | models.Card | models.Investment | models.Liability
AnyTransaction = (
    models.AccountTransaction | models.CardTransaction | models.InvestmentTransaction | models.LiabilityTransaction
)


class AggregationV1Client(BaseClient):
    """What one credential holds, as its last extraction found it; everything comes at once.

    Every method takes the credential's token. `query` narrows the answer by ids. Where the last extraction of the data
    failed, Flanks answers with an error, or with what it knew before when `ignore_data_error` is True.
    """

    async def get_portfolios(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Portfolio]:
        """Return the securities accounts."""
        return await self._get("portfolio", models.Portfolio, credentials_token, query, ignore_data_error)

    async def get_investments(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Investment]:
        """Return the positions."""
        return await self._get("investment", models.Investment, credentials_token, query, ignore_data_error)

    async def get_investment_transactions(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.InvestmentTransaction]:
        """Return the movements of the securities accounts."""
        return await self._get(
            "investment/transaction", models.InvestmentTransaction, credentials_token, query, ignore_data_error
        )

    async def get_accounts(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Account]:
        """Return the cash accounts."""
        return await self._get("account", models.Account, credentials_token, query, ignore_data_error)

    async def get_account_transactions(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.AccountTransaction]:
        """Return the movements of the cash accounts."""
        return await self._get("data", models.AccountTransaction, credentials_token, query, ignore_data_error)

    async def get_liabilities(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Liability]:
        """Return the debts."""
        return await self._get("liability", models.Liability, credentials_token, query, ignore_data_error)

    async def get_liability_transactions(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.LiabilityTransaction]:
        """Return the movements of the debts."""
        return await self._get(
            "liability/transaction", models.LiabilityTransaction, credentials_token, query, ignore_data_error
        )

    async def get_cards(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.Card]:
        """Return the cards."""
        return await self._get("card", models.Card, credentials_token, query, ignore_data_error)

    async def get_card_transactions(
        self, credentials_token: str, query: Query = None, ignore_data_error: bool = False
    ) -> list[models.CardTransaction]:
        """Return the movements of the cards."""
        return await self._get("card/transaction", models.CardTransaction, credentials_token, query, ignore_data_error)

    async def get_identity(self, credentials_token: str, ignore_data_error: bool = False) -> models.Identity | None:
        """Return the person whose login it is; None when Flanks has none."""
        # With its slash: without it the path could be answered by a redirect, which would lose the body.
        response = await self._transport.request(
            "/v0/bank/credentials/auth/", _body(credentials_token, ignore_data_error)
        )
        answer = read_answer(response)
        return None if answer is None or answer == {} else self._read_object(response, answer, models.Identity)

    async def get_holders(self, credentials_token: str, ignore_data_error: bool = False) -> list[models.Holder]:
        """Return who has which relation to which product."""
        return await self._list(
            "/v0/bank/credentials/holder", _body(credentials_token, ignore_data_error), models.Holder
        )

    async def list_products(
        self, credentials_token: str | None = None, *, ignore_data_error: bool = False, max_items: int | None = None
    ) -> AsyncIterator[AnyProduct]:
        """Yield accounts, cards, investments and liabilities of one credential, or of all of them.

        The surface that v1 shares with v2: v1 answers one credential at a time, so all of them takes a call for each
        kind and credential.
        """
        left = _count(max_items)
        async for token in self._tokens(credentials_token):
            for get in (self.get_accounts, self.get_cards, self.get_investments, self.get_liabilities):
                if left is not None and left <= 0:
                    return
                found = await get(token, None, ignore_data_error)
                for product in found if left is None else found[:left]:
                    yield product
                left = None if left is None else left - len(found)

    async def list_transactions(
        self, credentials_token: str | None = None, *, ignore_data_error: bool = False, max_items: int | None = None
    ) -> AsyncIterator[AnyTransaction]:
        """Yield the movements of accounts, cards, investments and liabilities of one credential, or of all of them."""
        left = _count(max_items)
        async for token in self._tokens(credentials_token):
            for get in (
                self.get_account_transactions,
                self.get_card_transactions,
                self.get_investment_transactions,
                self.get_liability_transactions,
            ):
                if left is not None and left <= 0:
                    return
                found = await get(token, None, ignore_data_error)
                for movement in found if left is None else found[:left]:
                    yield movement
                left = None if left is None else left - len(found)

    async def set_product_labels(self, product_id: str, labels: Mapping[str, str]) -> NoReturn:
        """Refuse: labels are a part of Aggregation v2.

        Raises:
            FlanksConfigError: always.
        """
        raise FlanksConfigError("labels need Aggregation v2: use aggregation_v2, or a version from 2026-01-01")

    async def set_transaction_labels(self, transaction_id: str, labels: Mapping[str, str]) -> NoReturn:
        """Refuse: labels are a part of Aggregation v2.

        Raises:
            FlanksConfigError: always.
        """
        raise FlanksConfigError("labels need Aggregation v2: use aggregation_v2, or a version from 2026-01-01")

    async def _tokens(self, credentials_token: str | None) -> AsyncIterator[str]:
        if credentials_token is not None:
            yield arguments.text("credentials_token", credentials_token)
            return
        async for credential in CredentialsClient(self._transport).iter_all():
            yield credential.credentials_token

    async def _get(
        self, kind: str, model: type[T], credentials_token: str, query: Query, ignore_data_error: bool
    ) -> builtins.list[T]:
        body = _body(credentials_token, ignore_data_error)
        body["query"] = arguments.request("query", query, AggregationQuery)
        return await self._list(f"/v0/bank/credentials/{kind}", body, model)


def _body(credentials_token: str, ignore_data_error: bool) -> dict[str, Any]:
    return {
        "credentials_token": arguments.text("credentials_token", credentials_token),
        "ignore_data_error": arguments.flag("ignore_data_error", ignore_data_error),
    }


def _count(max_items: int | None) -> int | None:
    return None if max_items is None else arguments.whole("max_items", max_items, least=0)
