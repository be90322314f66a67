"""Which application is it that asks, in which environment, and are its certificate and key fit for use?"""

import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from bursar.providers.teller.sdk.errors import TellerConfigurationError
from bursar.transport.certificates import CertificateError, ClientCertificate, Part, TlsIdentity
from bursar.transport.redaction import Secret

ENVIRONMENTS = ("sandbox", "development", "production")
DEFAULT_BASE_URL = "https://api.teller.io"
"""One host for every environment: the access token says which it is."""
WARNED_BEFORE = timedelta(days=30)

PATHS: Mapping[Part, str] = {"certificate": "TELLER_CERTIFICATE_PATH", "private_key": "TELLER_PRIVATE_KEY_PATH"}
TEXTS: Mapping[Part, str] = {"certificate": "TELLER_CERTIFICATE", "private_key": "TELLER_PRIVATE_KEY"}
ALIASES: Mapping[str, str] = {
    "teller_cert_path": "teller_certificate_path",
    "teller_key_path": "teller_private_key_path",
}
"""Older name -> the name of today, both in lower case."""

_LOG = logging.getLogger("bursar.providers.teller")


@dataclass(frozen=True, slots=True, kw_only=True)
class TellerSettings:
    """What a client works with; `checked` looks at all of it before anything is sent.

    Attributes:
        environment: `sandbox`, `development` or `production`.
        certificate_path, private_key_path: PEM files of the application's certificate and its key.
        certificate, private_key: the same as PEM texts, instead of the files.
        base_url: another address instead of Teller's.
        ca_path: a PEM file with the authorities to believe instead of the usual ones.
    """

    environment: str = "sandbox"
    certificate_path: str | None = None
    private_key_path: str | None = None
    certificate: str | None = None
    private_key: Secret | None = field(default=None, repr=False)
    base_url: str = DEFAULT_BASE_URL
    ca_path: str | None = None

    @classmethod
    def from_mapping(cls, values: Mapping[str, str]) -> Self:
        """Take the settings from texts by lower-case name, such as `teller_environment`; empty counts as not set.

        Raises:
            TellerConfigurationError: an older name and the one of today say different things.
        """
        found = canonical(values)
        key = found.get("teller_private_key")
        return cls(
            environment=found.get("teller_environment", "sandbox"),
            certificate_path=found.get("teller_certificate_path"),
            private_key_path=found.get("teller_private_key_path"),
            certificate=found.get("teller_certificate"),
            private_key=Secret(key) if key else None,
            base_url=found.get("teller_base_url", DEFAULT_BASE_URL),
            ca_path=found.get("teller_ca_path"),
        )

    def checked(self, now: datetime) -> TlsIdentity:
        """Return whom the client is on the network.

        Raises:
            TellerConfigurationError: naming the setting, and what to do.
        """
        if self.environment not in ENVIRONMENTS:
            raise TellerConfigurationError("expected sandbox, development or production", "TELLER_ENVIRONMENT")
        scheme = urlsplit(self.base_url).scheme
        if self.environment != "sandbox" and scheme != "https":
            raise TellerConfigurationError(f"{self.environment} is reached over https only", "TELLER_BASE_URL")
        if self.ca_path is not None and not Path(self.ca_path).is_file():
            raise TellerConfigurationError("there is no such file", "TELLER_CA_PATH")
        return TlsIdentity(certificate=self._certificate(now), ca_path=self.ca_path)

    def _certificate(self, now: datetime) -> ClientCertificate | None:
        files: dict[Part, bool] = {
            "certificate": bool(self.certificate_path),
            "private_key": bool(self.private_key_path),
        }
        texts: dict[Part, bool] = {"certificate": bool(self.certificate), "private_key": bool(self.private_key)}
        for part, is_file in files.items():
            if is_file and texts[part]:
                raise TellerConfigurationError("set one of the two, not both", PATHS[part], TEXTS[part])
        missing: list[Part] = [part for part in files if not files[part] and not texts[part]]
        if len(missing) == 2:
            if self.environment == "sandbox":
                return None
            raise TellerConfigurationError(
                f"{self.environment} needs the application's certificate and its private key, which Teller's dashboard "
                "gives once, when they are made; set the paths of the two PEM files",
                *PATHS.values(),
            )
        if missing:
            raise TellerConfigurationError("a certificate and its private key are set together", PATHS[missing[0]])
        try:
            made = self._load(now)
        except CertificateError as error:
            raise TellerConfigurationError(
                error.reason, (PATHS if all(files.values()) else TEXTS)[error.part]
            ) from None
        if made.not_after - now < WARNED_BEFORE:
            _LOG.warning("Teller's client certificate ends on %s: make a new one in time", made.not_after.date())
        return made

    def _load(self, now: datetime) -> ClientCertificate:
        if self.certificate_path and self.private_key_path:
            return ClientCertificate.from_files(self.certificate_path, self.private_key_path, now=now)
        if self.certificate and self.private_key:
            return ClientCertificate.from_pem(_as_pem(self.certificate), _as_pem(self.private_key.reveal()), now=now)
        raise TellerConfigurationError("set both as files, or both as PEM texts", *PATHS.values(), *TEXTS.values())


def canonical(values: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that are set, under the names of today; an older name warns.

    Raises:
        TellerConfigurationError: an older name and the one of today say different things.
    """
    found = {name.lower(): value for name, value in values.items() if value}
    for old, new in ALIASES.items():
        value = found.pop(old, None)
        if value is None:
            continue
        if found.get(new, value) != value:
            raise TellerConfigurationError("the two name different files; keep the second", old.upper(), new.upper())
        warnings.warn(f"{old.upper()} is now {new.upper()}", DeprecationWarning, stacklevel=2)
        found[new] = value
    return found


def from_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return every variable of Teller's that is set, by lower-case name."""
    values = os.environ if environ is None else environ
    return {name.lower(): value for name, value in values.items() if name.startswith("TELLER_") and value}


def _as_pem(text: str) -> str:
    # Where a variable has one line only, its line breaks are written as two characters.
    return text.replace("\\n", "\n") if "\n" not in text.strip() else text
