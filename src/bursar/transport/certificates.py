"""How does a client prove by a certificate who it is, and is that certificate fit for use?"""

import os
import secrets
import ssl
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NoReturn, Self, cast

from bursar.transport.redaction import Secret
from bursar.transport.timing import SYSTEM_TIMING

Part = Literal["certificate", "private_key"]


class CertificateError(ValueError):
    """A client certificate or its key cannot be used; the text says why and what to do, and holds nothing of either.

    Attributes:
        part: which of the two is wrong.
        reason: our sentence, without a subject: the caller names the setting it came from.
    """

    def __init__(self, part: Part, reason: str) -> None:
        super().__init__(f"{part}: {reason}")
        self.part: Part = part
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A certificate with its private key, checked: both are readable, belong together, and are valid now.

    Made by `from_files` or `from_pem`. Nothing of the key is ever shown.

    Attributes:
        subject: whom the certificate names.
        not_after: until when it is valid (UTC).
    """

    subject: str
    not_after: datetime
    _chain: bytes
    _key: Secret

    @classmethod
    def from_files(cls, certificate: str | Path, private_key: str | Path, *, now: datetime | None = None) -> Self:
        """Read two PEM files; the certificate's may hold intermediate certificates behind it.

        Raises:
            CertificateError: a file is missing, not readable, or its key readable by everybody; and what `from_pem`
                raises.
        """
        chain = _read("certificate", Path(certificate))
        key_path = Path(private_key)
        key = _read("private_key", key_path)
        if os.name == "posix" and key_path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            raise CertificateError(
                "private_key", "every user of this machine can read or change the file; run chmod 600 on it"
            )
        return cls._make(chain, key, now)

    @classmethod
    def from_pem(cls, certificate: str, private_key: str, *, now: datetime | None = None) -> Self:
        """Take two PEM texts.

        Raises:
            CertificateError: one of them is not PEM of its kind, they do not belong together, or the certificate is
                not valid now.
        """
        return cls._make(certificate.encode(), private_key.encode(), now)

    @classmethod
    def _make(cls, chain: bytes, key: bytes, now: datetime | None) -> Self:
        now = now or SYSTEM_TIMING.now()
        certificate = _parse_certificate(chain)
        private = _parse_key(key)
        if _public_bytes(certificate) != _public_bytes(private):
            raise CertificateError("private_key", "the key does not belong to the certificate; set the two of one pair")
        begins_at, ends_at = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if ends_at <= now:
            raise CertificateError("certificate", f"the certificate expired on {ends_at.date()}; get a new one")
        if begins_at > now:
            raise CertificateError("certificate", f"the certificate is not valid before {begins_at.date()}")
        return cls(
            subject=certificate.subject.rfc4514_string(),
            not_after=ends_at,
            _chain=chain,
            _key=Secret(key.decode("ascii", "replace")),
        )

    def key_material(self) -> bytes:
        """The private key in clear, to derive other keys from; never to keep or to show."""
        return self._key.reveal().encode()

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a context present the certificate.

        OpenSSL takes keys from files only. They live for the length of this call, for this user alone, and the key is
        encrypted under a passphrase that nobody keeps: what a crash left behind would be worth nothing.
        """
        from cryptography.hazmat.primitives import serialization

        passphrase = secrets.token_bytes(32).hex().encode()
        sealed = _parse_key(self.key_material()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase),
        )
        with tempfile.TemporaryDirectory(prefix="bursar-tls-") as folder:
            chain_path, key_path = Path(folder, "certificate.pem"), Path(folder, "key.pem")
            for path, content in ((chain_path, self._chain), (key_path, sealed)):
                path.touch(mode=0o600)
                path.write_bytes(content)
            context.load_cert_chain(chain_path, key_path, password=passphrase)

    def __repr__(self) -> str:
        return f"ClientCertificate(subject={self.subject!r}, not_after={self.not_after.isoformat()!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client certificate is not pickled: load it where it is used")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """Whom a client is to the servers it connects to, and whom it believes.

    Attributes:
        certificate: presented to a server that asks for one; None for none.
        ca_path: a PEM file with the authorities to believe instead of the usual ones, for a simulator or a proxy.
    """

    certificate: ClientCertificate | None = None
    ca_path: str | None = None

    def context(self, usual: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """The settings of a connection; `usual` makes those of a client that is nobody in particular."""
        context = ssl.create_default_context(cafile=self.ca_path) if self.ca_path is not None else usual()
        if self.certificate is not None:
            self.certificate.load_into(context)
        return context


def is_certificate_refusal(error: BaseException) -> bool:
    """Whether a connection failed because one side did not accept the other's certificate.

    A broken or ended connection is none: that may heal by itself, this does not.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, ssl.SSLCertVerificationError):
            return True
        if isinstance(current, ssl.SSLError):
            words = f"{current.reason or ''} {current}".upper()
            if "ALERT" in words and any(word in words for word in _REFUSALS):
                return True
        current = current.__cause__ or current.__context__
    return False


# Of the alerts of RFC 8446, section 6: the peer's words for a certificate that it does not take, or misses.
_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "UNKNOWN CA", "HANDSHAKE", "ACCESS_DENIED", "ACCESS DENIED")


def _read(part: Part, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CertificateError(part, "there is no such file") from None
    except OSError as error:
        raise CertificateError(part, f"the file cannot be read ({type(error).__name__})") from None


def _parse_certificate(chain: bytes) -> Any:
    x509 = _cryptography().x509
    try:
        # The first one is the client's own, as OpenSSL reads it.
        return x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        raise CertificateError("certificate", "this is no certificate in PEM form") from None


def _parse_key(key: bytes) -> Any:
    serialization = _cryptography().hazmat.primitives.serialization
    try:
        return serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise CertificateError(
            "private_key",
            "the key is protected by a passphrase; store it without one, in a file that only you can read",
        ) from None
    except (ValueError, _cryptography().exceptions.UnsupportedAlgorithm):
        raise CertificateError("private_key", "this is no private key in PEM form") from None


def _public_bytes(holder: Any) -> bytes:
    serialization = _cryptography().hazmat.primitives.serialization
    return cast(
        "bytes",
        holder.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


def _cryptography() -> Any:
    # Loaded late: who presents no certificate does not wait for it.
    for name in ("exceptions", "hazmat.primitives.serialization", "x509"):
        import_module(f"cryptography.{name}")
    return import_module("cryptography")
