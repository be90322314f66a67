"""Which certificates does the simulated Teller issue, and which of them are bad on purpose?"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM."""

    certificate: str
    private_key: str = field(repr=False)


class Authority:
    """A certification authority with a key of its own; TLS checks dates by the machine's clock, not the world's."""

    def __init__(self, name: str = "Simulated Teller") -> None:
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        self.certificate = self._sign(self._name, self._key, now - timedelta(days=1), now + timedelta(days=365), True)
        """Its own certificate, PEM: what a client must believe."""

    def issue(
        self, name: str, *, begins_in: timedelta = timedelta(days=-1), ends_in: timedelta = timedelta(days=180)
    ) -> Pair:
        """A pair for a server or a client; times count from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Pair(self._sign(_name(name), key, now + begins_in, now + ends_in, False), pem.decode())

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        begins_at: datetime,
        ends_at: datetime,
        is_authority: bool,
    ) -> str:
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins_at)
            .not_valid_after(ends_at)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(loopback, critical=False)
        )
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
