"""Does a provider keep every promise that the platform relies on?"""

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from bursar.ports.provider import ProviderSpec
from bursar.sandbox.faces import Face
from bursar.testing.provider_balances import BalancePromises
from bursar.testing.provider_identity import IdentityPromises
from bursar.testing.provider_notices import NoticePromises
from bursar.testing.provider_reading import ReadingPromises
from bursar.testing.provider_records import RecordPromises
from bursar.testing.provider_stage import ProviderCase, ProviderStage, open_stage
from bursar.testing.provider_wire import WirePromises

DECLARED_PROVIDERS: set[str] = set()
"""Slugs that a suite was declared for in this process."""


class ProviderContract(
    ReadingPromises, RecordPromises, WirePromises, BalancePromises, IdentityPromises, NoticePromises
):
    """Every scenario, against the provider's own simulator over real HTTP."""

    pytestmark = pytest.mark.asyncio
    case: ProviderCase

    @pytest_asyncio.fixture
    async def stage(self) -> AsyncIterator[ProviderStage]:
        """A connected adapter in front of a small world of its own."""
        with open_stage(self.case) as stage:
            try:
                await stage.connect()
                yield stage
            finally:
                await stage.adapter.aclose()


def provider_contract(
    spec: ProviderSpec,
    face: Face,
    *,
    consent: str = "consent",
    login: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    amount_scale: int = 0,
    names_pending: bool = True,
) -> type[ProviderContract]:
    """Return a test class for a provider; assign it to a name that begins with `Test`.

    The adapter is configured from the simulator: a setting `<slug>_<name>` is the simulator's published credential
    `<name>`, `<slug>_base_url` its address.

    Args:
        spec: the provider.
        face: its simulator, `SANDBOX` of `providers/<slug>/sandbox`.
        consent: the simulator's action that plays the person who gives the consent: it takes `link_token` or
            `authorization_url`, and `login`, and returns the values that `ConnectStart.needs` names.
        login: further arguments of that action, such as the institution.
        settings: settings that cannot be told from the simulator.
        amount_scale: how many decimals an amount has that the wire writes as a whole number, 2 for cents; 0 where the
            wire writes amounts with their decimals.
        names_pending: False for a provider whose posted rows neither keep the id of the pending row nor name it: it
            must then say that the pending row is gone.
    """
    DECLARED_PROVIDERS.add(spec.slug)
    case = ProviderCase(
        spec=spec,
        face=face,
        consent=consent,
        login=login or {},
        settings=settings or {},
        amount_scale=amount_scale,
        names_pending=names_pending,
    )
    return type(
        f"Test{spec.slug.title().replace('_', '')}", (ProviderContract,), {"case": case, "__module__": __name__}
    )
