"""What can an operator set, and what does each setting mean? (Read by the composition root only.)."""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_home() -> Path:
    """Return `~/.bursar`; for the superuser `/var/lib/bursar`: the database's own user must not need root's home."""
    is_superuser = hasattr(os, "geteuid") and os.geteuid() == 0
    return Path("/var/lib/bursar") if is_superuser else Path.home() / ".bursar"


class Settings(BaseSettings):
    """The environment, typed. Every name is `BURSAR_` and the field in upper case."""

    model_config = SettingsConfigDict(env_prefix="BURSAR_", extra="ignore")

    database_url: SecretStr | None = Field(
        default=None, description="A PostgreSQL 15 or newer. Without it, an embedded one runs under `home`."
    )
    home: Path = Field(default_factory=default_home, description="Where the embedded database and the keys live.")
    master_keys: SecretStr | None = Field(
        default=None, description="`id:base64` entries, the first is current. Without it, a key file under `home`."
    )
    public_url: str | None = Field(
        default=None,
        description="The address at which users and providers reach this server; providers send webhooks below it.",
    )
    host: str = Field(default="127.0.0.1", description="The address that `serve` listens on.")
    port: int = Field(default=8787, ge=0, le=65535, description="The port that `serve` listens on; 0 takes a free one.")
    import_max_bytes: int = Field(default=10 * 1024 * 1024, gt=0, description="The largest file that is imported.")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
    database_pool_size: int = Field(default=10, ge=2, le=100, description="Connections to the database per process.")
    database_prepares: bool = Field(
        default=True,
        description="Prepare statements that repeat; `false` behind a pooler that does not carry them over.",
    )

    webhook_delay_s: int = Field(
        default=5, ge=0, le=300, description="How long to wait after a webhook for more of the same, in seconds."
    )
    webhook_keep_days: int = Field(
        default=30, ge=1, le=3650, description="How long it is remembered which webhooks came; bodies are never kept."
    )

    transfers_enabled: bool = Field(
        default=False, description="Let administrators move money through providers that can; off by default."
    )
    transfers_max_amount: Decimal = Field(
        default=Decimal(1000), gt=0, max_digits=30, description="The most that one transfer moves, in its currency."
    )
    transfers_max_per_day: Decimal = Field(
        default=Decimal(5000),
        gt=0,
        max_digits=30,
        description="The most that a tenant moves in a day of the provider's calendar, for each provider and currency.",
    )
    transfers_always_confirm: bool = Field(
        default=False, description="Have every transfer wait for a second call that confirms it."
    )

    @property
    def key_file(self) -> Path:
        """Where the master keys are when no setting holds them."""
        return self.home / "master.keys"

    @property
    def data_directory(self) -> Path:
        """Where the embedded database keeps its files."""
        return self.home / "postgres"


def provider_settings(names: Mapping[str, object] | set[str]) -> dict[str, str]:
    """Return the settings of providers that are set, by lower-case name.

    The environment variable of `northbank_api_key` is `NORTHBANK_API_KEY`, or `BURSAR_NORTHBANK_API_KEY`.
    """
    found: dict[str, str] = {}
    for name in names:
        value = os.environ.get(f"BURSAR_{name.upper()}") or os.environ.get(name.upper())
        if value:
            found[name] = value
    return found
