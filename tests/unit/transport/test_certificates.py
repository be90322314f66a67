"""Is a client certificate checked before use, presented to a server that demands it, and never shown?"""

import asyncio
import copy
import pickle
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.x509.oid import NameOID

from bursar.transport.certificates import CertificateError, ClientCertificate, TlsIdentity
from bursar.transport.client import HttpClient
from bursar.transport.errors import ConnectionFailedError, Problem, classify
from bursar.transport.timing import SYSTEM_TIMING

NOW = SYSTEM_TIMING.now()


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem_of(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> str:
    sealing = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing).decode()


@dataclass
class Pair:
    certificate: str
    key: str


class Authority:
    """A certification authority of a test."""

    def __init__(self, common_name: str) -> None:
        self._name = name(common_name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._sign(self._name, self._key, NOW - timedelta(days=9), NOW + timedelta(days=99), is_ca=True)

    def issue(
        self, common_name: str, *, begins: datetime = NOW - timedelta(days=1), ends: datetime = NOW + timedelta(days=60)
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        return Pair(self._sign(name(common_name), key, begins, ends, is_ca=False), pem_of(key))

    def _sign(self, subject: x509.Name, key, begins: datetime, ends: datetime, *, is_ca: bool) -> str:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Test authority")


@pytest.fixture(scope="module")
def stranger() -> Authority:
    return Authority("Somebody else's authority")


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("an application")


class TlsServer:
    """Answers every request with 200 over TLS, in threads, and notes whom its callers' certificates name.

    Not with asyncio: its servers hang up without the alert that says why.
    """

    def __init__(self, context: ssl.SSLContext, ca_path: str) -> None:
        self.ca_path = ca_path
        self.callers: list[str] = []
        self._context = context
        self._is_closing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._is_closing = True
        socket.create_connection(self._listener.getsockname()).close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._is_closing:
                connection.close()
                self._listener.close()
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with connection:
            try:
                with self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as wrapped:
                    try:
                        wrapped.do_handshake()
                        asked = b""
                        while not asked.endswith(b"\r\n\r\n"):
                            asked += wrapped.recv(4096)
                        self.callers.append(wrapped.getpeercert()["subject"][0][0][1])
                        wrapped.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                    except ssl.SSLError:
                        # Closing with unread bytes would reset the connection before the alert is read.
                        socket.socket.shutdown(wrapped, socket.SHUT_WR)
                        while socket.socket.recv(wrapped, 4096):
                            pass
            except OSError:
                pass


@pytest.fixture
def server(authority: Authority, tmp_path: Path) -> Iterator[TlsServer]:
    own = authority.issue("127.0.0.1")
    for file, content in (("ca.pem", authority.pem), ("server.pem", own.certificate), ("server.key", own.key)):
        (tmp_path / file).write_text(content)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    made = TlsServer(context, str(tmp_path / "ca.pem"))
    yield made
    made.close()


def problems(seen: list[Problem]):
    def note(problem: Problem):
        seen.append(problem)
        return classify(problem)

    return note


async def call(address: str, certificate: ClientCertificate | None, ca_path: str | None):
    seen: list[Problem] = []
    tls = TlsIdentity(certificate=certificate, ca_path=ca_path)
    async with HttpClient(address, tls=tls, classify=problems(seen)) as client:
        try:
            return (await client.send("GET", "/")).status
        except ConnectionFailedError:
            (problem,) = seen
            return problem


async def test_right_certificate_is_presented_and_its_name_arrives(server, pair):
    assert await call(server.url, ClientCertificate.from_pem(pair.certificate, pair.key), server.ca_path) == 200
    assert server.callers == ["an application"]


async def test_server_that_demands_a_certificate_refuses_a_client_without_one_after_one_attempt(server):
    problem = await call(server.url, None, server.ca_path)
    assert (problem.certificate_refused, problem.attempts) == (True, 1)
    assert server.callers == []


async def test_certificate_of_another_authority_is_refused_after_one_attempt(server, stranger):
    foreign = stranger.issue("an application")
    problem = await call(server.url, ClientCertificate.from_pem(foreign.certificate, foreign.key), server.ca_path)
    assert (problem.certificate_refused, problem.attempts) == (True, 1)
    assert server.callers == []


async def test_expired_certificate_is_refused_by_the_server_too(server, authority):
    old = authority.issue("an application", begins=NOW - timedelta(days=5), ends=NOW - timedelta(days=1))
    certificate = ClientCertificate.from_pem(old.certificate, old.key, now=NOW - timedelta(days=3))
    problem = await call(server.url, certificate, server.ca_path)
    assert problem.certificate_refused
    assert server.callers == []


async def test_server_of_an_unknown_authority_is_not_believed(server, pair, stranger, tmp_path):
    (tmp_path / "other.pem").write_text(stranger.pem)
    certificate = ClientCertificate.from_pem(pair.certificate, pair.key)
    assert (await call(server.url, certificate, str(tmp_path / "other.pem"))).certificate_refused
    assert (await call(server.url, certificate, None)).certificate_refused
    assert server.callers == []


async def test_connection_that_just_ends_is_no_refusal_of_a_certificate(pair):
    async def hang_up(_reader, writer):
        writer.close()

    listener = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    problem = await call(address, ClientCertificate.from_pem(pair.certificate, pair.key), None)
    listener.close()
    assert not problem.certificate_refused
    assert problem.attempts == 3


def write(folder: Path, pair: Pair, *, mode: int = 0o600) -> tuple[Path, Path]:
    paths = folder / "certificate.pem", folder / "private_key.pem"
    for path, content in zip(paths, (pair.certificate, pair.key), strict=True):
        path.write_text(content)
        path.chmod(mode)
    return paths


def test_files_of_a_pair_are_read(pair, tmp_path):
    certificate = ClientCertificate.from_files(*write(tmp_path, pair))
    assert certificate.subject == "CN=an application"
    assert certificate.not_after > NOW


@pytest.mark.parametrize(("missing", "part"), [(0, "certificate"), (1, "private_key")])
def test_missing_file_is_told_by_its_part(pair, tmp_path, missing, part):
    paths = write(tmp_path, pair)
    paths[missing].unlink()
    with pytest.raises(CertificateError, match="no such file") as caught:
        ClientCertificate.from_files(*paths)
    assert caught.value.part == part
    paths[missing].mkdir()
    with pytest.raises(CertificateError, match="cannot be read"):
        ClientCertificate.from_files(*paths)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_key_that_everybody_can_read_or_change_is_refused(pair, tmp_path, mode):
    with pytest.raises(CertificateError, match="chmod 600"):
        ClientCertificate.from_files(*write(tmp_path, pair, mode=mode))


def test_key_of_another_pair_is_refused(authority, pair):
    with pytest.raises(CertificateError, match="does not belong") as caught:
        ClientCertificate.from_pem(pair.certificate, authority.issue("other").key)
    assert caught.value.part == "private_key"


def test_certificate_outside_its_time_is_refused(authority):
    old = authority.issue("old", begins=NOW - timedelta(days=9), ends=NOW - timedelta(days=1))
    with pytest.raises(CertificateError, match="expired on"):
        ClientCertificate.from_pem(old.certificate, old.key)
    early = authority.issue("early", begins=NOW + timedelta(days=1))
    with pytest.raises(CertificateError, match="not valid before"):
        ClientCertificate.from_pem(early.certificate, early.key)


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_text_that_is_no_pem_is_refused_by_its_part(pair, text):
    with pytest.raises(CertificateError) as caught:
        ClientCertificate.from_pem(text, pair.key)
    assert caught.value.part == "certificate"
    with pytest.raises(CertificateError) as caught:
        ClientCertificate.from_pem(pair.certificate, text)
    assert caught.value.part == "private_key"


def test_key_behind_a_passphrase_and_key_of_an_odd_kind_are_refused(pair):
    sealed = pem_of(ec.generate_private_key(ec.SECP256R1()), b"passphrase")
    with pytest.raises(CertificateError, match="passphrase"):
        ClientCertificate.from_pem(pair.certificate, sealed)
    odd = dsa.generate_private_key(1024).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(CertificateError, match="does not belong"):
        ClientCertificate.from_pem(pair.certificate, odd.decode())


def test_key_is_in_no_text_and_in_no_copy(pair):
    certificate = ClientCertificate.from_pem(pair.certificate, pair.key)
    line = pair.key.splitlines()[1]
    assert line not in repr(certificate) + str(certificate) + repr(TlsIdentity(certificate=certificate))
    with pytest.raises(TypeError):
        pickle.dumps(certificate)
    with pytest.raises(TypeError):
        copy.copy(certificate)


def test_nothing_of_the_key_stays_on_the_disk(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    written: list[bytes] = []
    load = ssl.SSLContext.load_cert_chain

    def spying(self, certfile, keyfile, password):
        written.append(Path(keyfile).read_bytes())
        assert Path(keyfile).stat().st_mode & 0o077 == 0
        load(self, certfile, keyfile, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spying)
    ClientCertificate.from_pem(pair.certificate, pair.key).load_into(ssl.create_default_context())
    (sealed,) = written
    assert b"ENCRYPTED" in sealed
    assert pair.key.splitlines()[1].encode() not in sealed
    assert list(tmp_path.iterdir()) == []
