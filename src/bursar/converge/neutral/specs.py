"""Which providers does the convergence test add, and what do they promise?"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from bursar.converge.neutral.adapter import NeutralAdapter, make_adapter
from bursar.converge.neutral.client import NeutralClient
from bursar.converge.neutral.readings import HISTORY_DAYS, FeedReading, ListReading, Reading, WindowReading
from bursar.domain.connections import ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.domain.evidence import IdTrust
from bursar.domain.reading import ReadQuota
from bursar.ports.provider import ProviderContext, ProviderSpec

_CAPABILITIES = frozenset(
    {
        ProviderCapability.ACCOUNTS,
        ProviderCapability.TRANSACTIONS,
        ProviderCapability.HOLDINGS,
        ProviderCapability.PENDING_TRANSACTIONS,
        ProviderCapability.MULTIPLE_ACCOUNTS,
    }
)

# Published: four reads of an account in any 24 hours. A run counts from its beginning, and its reads come later: the
# hour more keeps the first read of the fifth run out of the window of the last read of the first one.
_QUOTA = ReadQuota(reads=4, window=timedelta(hours=25))


def _spec(
    slug: str,
    style: Callable[[NeutralClient], Reading],
    id_trust: IdTrust,
    *more: ProviderCapability,
    quota: ReadQuota | None = None,
) -> ProviderSpec:
    factory: Callable[[ProviderContext], NeutralAdapter] = partial(make_adapter, slug, style)
    return ProviderSpec(
        slug=slug,
        display_name=slug.replace("_", " ").title(),
        category=ProviderCategory.AGGREGATOR,
        auth_type=ProviderAuthType.LINK_TOKEN,
        capabilities=_CAPABILITIES.union(more),
        factory=factory,
        required_settings=(f"{slug}_secret",),
        optional_settings=(f"{slug}_base_url",),
        id_trust=id_trust,
        history_days=HISTORY_DAYS,
        quota=quota,
        description="An invented provider of the convergence test.",
    )


NEUTRAL_SPECS: tuple[ProviderSpec, ...] = (
    _spec("neutral_feed", FeedReading, IdTrust.STABLE, ProviderCapability.INCREMENTAL_SYNC),
    _spec("neutral_window", WindowReading, IdTrust.CONTENT),
    _spec("neutral_list", ListReading, IdTrust.NONE, quota=_QUOTA),
)
"""A cursor feed under stable ids, windows under ids that need a second look, and lists under ids that mean nothing."""
