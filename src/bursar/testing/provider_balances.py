"""Does a provider ask the bank for balances when it is told to: who says so, and nobody else?"""

from decimal import Decimal

import pytest

from bursar.domain.connections import ProviderCapability
from bursar.ports.balances import LiveBalanceAdapter
from bursar.ports.errors import ProviderAuthenticationError, ProviderNotFoundError
from bursar.ports.provider import Credentials
from bursar.testing.provider_stage import ProviderStage


class BalancePromises:
    """Scenarios about live balances; `stage` is connected."""

    async def test_live_balances_are_told_by_whoever_declares_them_and_by_nobody_else(
        self, stage: ProviderStage
    ) -> None:
        assert isinstance(stage.adapter, LiveBalanceAdapter) == stage.has(ProviderCapability.LIVE_BALANCES)

    async def test_live_balances_are_those_of_the_bank_for_the_accounts_that_are_named(
        self, stage: ProviderStage
    ) -> None:
        if not isinstance(stage.adapter, LiveBalanceAdapter):
            return
        listed = await stage.adapter.fetch_accounts(stage.credentials)
        everything = await stage.adapter.fetch_live_balances(stage.credentials)
        assert everything.complete
        assert not everything.rejected
        assert {one.provider_account_id for one in everything} == {one.provider_account_id for one in listed}
        for record in everything:
            account = stage.find_account(record)
            expected = stage.world.balance(account.account_id)
            expected += sum((one.value for one in stage.world.positions(account.account_id)), Decimal(0))
            assert (record.currency, record.balance_known, record.balance) == (account.currency, True, expected)
        one = everything[-1]
        assert list(await stage.adapter.fetch_live_balances(stage.credentials, [one.provider_account_id])) == [one]

    async def test_live_balance_of_an_account_that_nobody_knows_is_not_found(self, stage: ProviderStage) -> None:
        if not isinstance(stage.adapter, LiveBalanceAdapter):
            return
        known = (await stage.adapter.fetch_accounts(stage.credentials))[0].provider_account_id
        with pytest.raises(ProviderNotFoundError):
            await stage.adapter.fetch_live_balances(stage.credentials, [known, "no-such-account"])
        stage.wire.answers.clear()
        with pytest.raises(ProviderAuthenticationError):
            await stage.adapter.fetch_live_balances(Credentials({}))
        assert stage.count_requests() == 0
