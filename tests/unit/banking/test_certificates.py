"""Certificates are looked at when the object is made: one sentence for each fault, and nothing is sent."""

from datetime import timedelta
from pathlib import Path

import pytest

from bursar.banking import easy_banking
from bursar.banking.exceptions import ProviderNotConfiguredError
from bursar.providers.banking.teller_client import TellerClient
from bursar.providers.teller import TellerClient as TheSameClient
from bursar.providers.teller import TellerConfigurationError
from bursar.providers.teller.sandbox.authority import Authority, Pair


@pytest.fixture(scope="module")
def pairs() -> dict[str, Pair]:
    authority = Authority()
    return {
        "good": authority.issue("application"),
        "other": authority.issue("another application"),
        "expired": authority.issue("old", begins_in=timedelta(days=-9), ends_in=timedelta(days=-1)),
        "early": authority.issue("early", begins_in=timedelta(days=2), ends_in=timedelta(days=9)),
    }


@pytest.fixture
def environ(pairs, tmp_path) -> dict[str, str]:
    """A production environment that is all right."""
    return {
        "TELLER_ENVIRONMENT": "production",
        "TELLER_CERTIFICATE_PATH": write(tmp_path / "certificate.pem", pairs["good"].certificate),
        "TELLER_PRIVATE_KEY_PATH": write(tmp_path / "private_key.pem", pairs["good"].private_key),
    }


def write(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_pair_that_fits_is_taken_and_chosen_without_a_name(environ) -> None:
    with easy_banking(environ=environ) as banking:
        assert banking.provider == "teller"


@pytest.mark.parametrize(
    ("spoil", "setting", "says"),
    [
        ({"TELLER_CERTIFICATE_PATH": "/no/such/file.pem"}, "TELLER_CERTIFICATE_PATH", "not there"),
        ({"TELLER_PRIVATE_KEY_PATH": "/no/such/file.pem"}, "TELLER_PRIVATE_KEY_PATH", "not there"),
        ({"TELLER_PRIVATE_KEY_PATH": ""}, "TELLER_PRIVATE_KEY_PATH", "set together"),
        ({"TELLER_CERTIFICATE_PATH": "", "TELLER_PRIVATE_KEY_PATH": ""}, "TELLER_CERTIFICATE_PATH", "paths of the two"),
        ({"TELLER_ENVIRONMENT": "staging"}, "TELLER_ENVIRONMENT", "sandbox, development or production"),
        ({"key": "other"}, "TELLER_PRIVATE_KEY_PATH", "does not belong to the certificate"),
        ({"pair": "expired"}, "TELLER_CERTIFICATE_PATH", "expired on"),
        ({"pair": "early"}, "TELLER_CERTIFICATE_PATH", "not valid before"),
        ({"mode": "0644"}, "TELLER_PRIVATE_KEY_PATH", "chmod 600"),
        ({"text": "certificate"}, "TELLER_CERTIFICATE_PATH", "no certificate in PEM form"),
        ({"text": "private_key"}, "TELLER_PRIVATE_KEY_PATH", "no private key in PEM form"),
    ],
    ids=lambda value: " ".join(f"{name}={one}" for name, one in value.items()) if isinstance(value, dict) else "",
)
def test_each_fault_names_its_setting_and_what_to_do(environ, pairs, tmp_path, spoil, setting, says) -> None:
    for name, value in spoil.items():
        if name.isupper():
            environ[name] = value
    if "key" in spoil:
        write(tmp_path / "private_key.pem", pairs[spoil["key"]].private_key)
    if "pair" in spoil:
        write(tmp_path / "certificate.pem", pairs[spoil["pair"]].certificate)
        write(tmp_path / "private_key.pem", pairs[spoil["pair"]].private_key)
    if "mode" in spoil:
        (tmp_path / "private_key.pem").chmod(int(spoil["mode"], 8))
    if "text" in spoil:
        write(tmp_path / f"{spoil['text']}.pem", "canary: not what it should be")
    with pytest.raises(ProviderNotConfiguredError) as caught:
        easy_banking("teller", environ=environ)
    assert isinstance(caught.value, ValueError)
    assert setting in caught.value.message
    assert says in caught.value.message
    assert "canary" not in caught.value.message


async def test_client_is_made_as_programs_write_it(environ, pairs, tmp_path) -> None:
    assert TellerClient is TheSameClient
    cert_path, key_path = environ["TELLER_CERTIFICATE_PATH"], environ["TELLER_PRIVATE_KEY_PATH"]
    for environment in ("sandbox", "development", "production"):
        teller = TellerClient(cert_path=cert_path, key_path=key_path, environment=environment)
        assert teller.environment == environment
        await teller.aclose()
    with pytest.raises(TellerConfigurationError):
        TellerClient(cert_path=cert_path, key_path=cert_path, environment="sandbox")
