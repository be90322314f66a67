"""What do the seeds of one process share: a database, the platform on it, the wire, the clock?"""

import io
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import psycopg
from psycopg.rows import TupleRow
from pydantic import SecretStr

from bursar.bootstrap import Platform, open_platform, read_settings
from bursar.converge.clock import SeedClock
from bursar.converge.neutral import NEUTRAL_SPECS
from bursar.converge.wire import Wire
from bursar.domain.connections import ProviderCapability
from bursar.observability.logging import configure_logging
from bursar.registry import Registry
from bursar.sandbox.faces import Face, StatementWriter
from bursar.sandbox.neutral import NEUTRAL_FACES, NEUTRAL_TRAITS
from bursar.sandbox.traits import Traits
from bursar.sandbox.world import World
from bursar.transport.timing import Timing

Witness = psycopg.AsyncConnection[TupleRow]
"""A connection of the oracle, past all rules of the platform."""

_BLANK_DAY = date(2023, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A provider that takes part: its simulator and how people use it."""

    slug: str
    face: Face
    traits: Traits
    sends_webhooks: bool = False


@dataclass(slots=True, kw_only=True)
class Stage:
    """One process's platform, and the switches with which one seed after the other is put in front of it."""

    platform: Platform
    clock: SeedClock
    wire: Wire
    channels: Mapping[str, Channel]
    statements: Mapping[str, StatementWriter]
    formats: Mapping[str, str]
    """Slug of the importer of each statement format."""
    witness: Witness
    log: io.StringIO
    dice: "_Dice" = field(repr=False)


class _Dice:
    """The jitter of retries, from the seed."""

    def __init__(self) -> None:
        self._random = Random(0)  # noqa: S311 - reproducibility is the point

    def begin(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - reproducibility is the point

    def __call__(self) -> float:
        return self._random.random()


def find_channels(registry: Registry) -> dict[str, Channel]:
    """Return every registered provider whose simulator says how people use it (`TRAITS`), the neutral ones included."""
    channels: dict[str, Channel] = {}
    for face in NEUTRAL_FACES:
        channels[face.slug] = Channel(slug=face.slug, face=face, traits=NEUTRAL_TRAITS[face.slug])
    for slug in registry.providers:
        if slug in channels or find_spec(f"bursar.providers.{slug}") is None:
            continue
        module: Any = import_module(f"bursar.providers.{slug}.sandbox")
        if hasattr(module, "TRAITS"):
            channels[slug] = Channel(
                slug=slug,
                face=module.SANDBOX,
                traits=module.TRAITS,
                sends_webhooks=ProviderCapability.WEBHOOKS in registry.providers[slug].capabilities,
            )
    return channels


def find_statements(registry: Registry) -> tuple[dict[str, StatementWriter], dict[str, str]]:
    """Return the statement writers of all importers by format, and each format's importer."""
    writers: dict[str, StatementWriter] = {}
    formats: dict[str, str] = {}
    for slug in registry.importers:
        module: Any = import_module(f"bursar.importers.{slug}.sandbox")
        writers.update(module.STATEMENTS)
        formats.update(dict.fromkeys(module.STATEMENTS, slug))
    return writers, formats


def full_registry() -> Registry:
    """Return what is registered, and the neutral providers."""
    found = Registry.discover()
    return Registry([*found.providers.values(), *NEUTRAL_SPECS], found.importers.values())


def provider_settings(channels: Mapping[str, Channel]) -> dict[str, str]:
    """Return the settings with which each provider is its simulator."""
    blank = World(0, start=_BLANK_DAY, history_days=1, families=1)
    settings: dict[str, str] = {}
    for slug, channel in channels.items():
        published = channel.face.build(blank).credentials()
        settings |= {f"{slug}_{name}": value for name, value in published.items()}
        settings[f"{slug}_base_url"] = f"http://127.0.0.1/{slug}"
    return settings


@asynccontextmanager
async def open_stage(
    database_url: str, home: Path, *, connection_class: type[Witness] = psycopg.AsyncConnection
) -> AsyncGenerator[Stage]:
    """Open a platform on an empty database for the seeds of this process."""
    registry = full_registry()
    channels = find_channels(registry)
    statements, formats = find_statements(registry)
    clock, wire, dice, log = SeedClock(), Wire(), _Dice(), io.StringIO()
    configure_logging(level="INFO", style="json", stream=log)
    async with (
        httpx2.AsyncClient(transport=wire) as client,
        open_platform(
            read_settings(database_url=SecretStr(database_url), home=home, webhook_delay_s=0),
            registry=registry,
            clock=clock,
            extra_settings=provider_settings(channels),
            http_clients=dict.fromkeys(channels, client),
            timing=Timing(monotonic=clock.monotonic, sleep=clock.sleep, random=dice),
            connection_class=connection_class,
        ) as platform,
        await connection_class.connect(database_url, autocommit=True) as witness,
    ):
        yield Stage(
            platform=platform,
            clock=clock,
            wire=wire,
            channels=channels,
            statements=statements,
            formats=formats,
            witness=witness,
            log=log,
            dice=dice,
        )
