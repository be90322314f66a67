"""Is the simulated Teller, served as a process of its own, real enough to connect and read real data's way?"""

import json
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from bursar.domain.time import SystemClock
from bursar.ports.errors import ProviderNotConfiguredError
from bursar.ports.provider import ConnectCompletion, ConnectRequest, ProviderContext
from bursar.providers.teller.adapter import PROVIDER


@pytest.fixture
def service(tmp_path):
    """The settings that the process prints, by lower-case name."""
    command = [sys.executable, "-m", "bursar.providers.teller.sandbox", str(tmp_path / "keys")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        settings: dict[str, str] = {}
        while "teller_private_key_path" not in settings:
            name, _, value = process.stdout.readline().removeprefix("export ").strip().partition("=")
            assert name.startswith("TELLER_"), name
            settings[name.lower()] = value
        assert Path(settings["teller_private_key_path"]).stat().st_mode & 0o077 == 0
        yield settings
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def make(settings):
    names = (*PROVIDER.required_settings, *PROVIDER.optional_settings)
    known = {name: settings[name] for name in names if name in settings}
    return PROVIDER.factory(ProviderContext(settings=known, clock=SystemClock()))


def sign_in(settings, setup):
    """Fill in the form that stands in for the widget, as a browser would."""
    trusting = ssl.create_default_context(cafile=settings["teller_ca_path"])
    form = {"setup": setup, "institution_id": "first_river", "username": "user_good", "password": "pass_good"}
    return httpx2.post(f"{settings['teller_base_url']}/connect", data=form, verify=trusting).text


async def test_connection_of_real_data_needs_the_pair_and_reads_with_it(service, pairs, write_pair, shapes):
    assert service["teller_environment"] == "development"
    adapter = make(service)
    start = await adapter.begin(ConnectRequest(connection_id=shapes.connection_id, user_reference="user-1"))
    values = {"enrollment": sign_in(service, start.link_token), "nonce": json.loads(start.link_token)["nonce"]}
    made = await adapter.complete(ConnectCompletion(values=values, connection_id=shapes.connection_id))
    assert made.environment == "development"
    assert made.credentials["access_token"].startswith("token_")
    batches = [batch async for batch in adapter.sync(made.credentials, None)]
    assert len(batches[0].accounts) == 3
    assert sum(len(batch.transactions) for batch in batches) > 50
    assert len(await adapter.fetch_owners(made.credentials)) > 0
    await adapter.aclose()

    cert_path, key_path = write_pair(pairs["foreign"])
    stranger = make({**service, "teller_certificate_path": cert_path, "teller_private_key_path": key_path})
    with pytest.raises(ProviderNotConfiguredError) as caught:
        await stranger.validate(made.credentials)
    assert "certificate" in caught.value.message
    assert "teller_certificate_path" in caught.value.missing_settings
    await stranger.aclose()
