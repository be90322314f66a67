"""Is one household the same household, whoever reads it?"""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from bursar.providers.finicity.adapter import PROVIDER as FINICITY
from bursar.providers.finicity.sandbox import FinicityFace
from bursar.providers.mx.adapter import PROVIDER as MX
from bursar.providers.mx.sandbox import MXFace
from bursar.providers.plaid.adapter import PROVIDER as PLAID
from bursar.providers.plaid.sandbox import PlaidFace
from bursar.providers.teller.adapter import PROVIDER as TELLER
from bursar.providers.teller.sandbox import TellerFace
from bursar.sandbox.people import AccountKind
from bursar.testing.provider_stage import ProviderCase, open_stage

CASES = (
    ProviderCase(
        spec=PLAID,
        face=PlaidFace(rate_limits=False),
        consent="complete_link",
        login={"institution_id": "ins_109508"},
        settings={},
    ),
    *(
        ProviderCase(
            spec=spec, face=face, consent="complete_link", login={"institution_id": "first_river"}, settings={}
        )
        for spec, face in ((TELLER, TellerFace()), (MX, MXFace()), (FINICITY, FinicityFace()))
    ),
)

_EVERYWHERE = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CREDIT_CARD})
"""Accounts that all of them read; Teller knows no others."""

Row = tuple[date, Decimal, str, str]
"""Booking day, signed amount, currency, state."""
Read = tuple[str, Decimal, Counter[Row]]
"""Currency, balance and rows of an account."""


async def _read(case: ProviderCase, seed: int) -> tuple[dict[str, Read], dict[str, Read]]:
    """Return by account of the world what a provider tells of it, and the truth of every account of its login."""
    with open_stage(case, seed=seed) as stage:
        try:
            await stage.connect()
            reading = await stage.read()
            told: dict[str, Read] = {}
            for record in reading.accounts.values():
                account = stage.find_account(record)
                rows = Counter(
                    (row.transaction_date, row.amount, row.currency, row.status)
                    for row in reading.transactions.values()
                    if row.provider_account_id == record.provider_account_id
                )
                assert record.balance_known
                told[account.account_id] = (record.currency, record.balance, rows)
            assert not reading.rejected
            truth: dict[str, Read] = {}
            for account_id in told:
                world = stage.world.truth(account_id)
                rows = Counter((row.booked_on, row.amount, row.currency, row.state.value) for row in world.rows)
                truth[account_id] = (stage.world.accounts[account_id].currency, world.balance, rows)
            banked = [one for one in told if stage.world.accounts[one].kind in _EVERYWHERE]
            return {one: told[one] for one in banked}, {one: truth[one] for one in banked}
        finally:
            await stage.adapter.aclose()


@pytest.mark.parametrize("seed", [5, 6, 7])
async def test_same_household_is_equal_through_four_providers(seed):
    found = {case.spec.slug: await _read(case, seed) for case in CASES}
    told, truth = found["plaid"]
    assert len(told) >= 2
    assert sum(len(rows) for _, _, rows in told.values()) > 20
    for slug, (read, true) in found.items():
        assert true == truth, slug
        assert read == true, slug
