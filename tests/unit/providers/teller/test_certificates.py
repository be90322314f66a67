"""Are certificate and key checked before anything is sent, and does a TLS server that demands them get them?"""

import logging
from datetime import date, timedelta

import pytest

from bursar.ports.errors import ProviderNotConfiguredError
from bursar.ports.provider import ConnectCompletion, ConnectRequest, ProviderContext
from bursar.providers.teller import TellerClient, TellerConfigurationError, TellerSyncClient
from bursar.providers.teller.adapter import PROVIDER
from bursar.providers.teller.sandbox import TellerFace
from bursar.providers.teller.sandbox.serving import serving
from bursar.providers.teller.sdk.errors import (
    TellerAccessError,
    TellerBadRequestError,
    TellerCertificateError,
    TellerConnectionError,
)
from bursar.sandbox.world import World
from bursar.transport.retry import NEVER_REPEAT
from bursar.transport.timing import SYSTEM_TIMING, Timing

SETUP = '{"applicationId": "app_sandbox", "environment": "%s", "products": ["transactions"]}'


@pytest.fixture
def face():
    return TellerFace().build(World(5, start=date(2026, 3, 2), history_days=20, families=1))


@pytest.fixture
def ca_path(authority, tmp_path):
    (tmp_path / "ca.pem").write_text(authority.certificate)
    return str(tmp_path / "ca.pem")


def token_of(face, environment):
    told = face.act("complete_link", {"link_token": SETUP % environment, "institution_id": "first_river"})
    return told["access_token"]


async def read(url, ca_path, token, pair=None, environment="development"):
    given = {"certificate": pair.certificate, "private_key": pair.private_key} if pair else {}
    async with TellerClient(
        environment=environment, base_url=url, ca_path=ca_path, retry=NEVER_REPEAT, **given
    ) as teller:
        return [account.name for account in await teller.list_accounts(token)]


async def test_right_certificate_opens_real_data_and_its_name_arrives(face, authority, pairs, ca_path):
    token = token_of(face, "development")
    with serving(face, authority) as server:
        assert "Everyday Checking" in await read(server.url, ca_path, token, pairs["good"])
        assert server.callers == ["sandbox application"]


async def test_token_of_real_data_without_a_certificate_is_refused_by_the_application(face, authority, ca_path):
    token = token_of(face, "development")
    with serving(face, authority) as server, pytest.raises(TellerBadRequestError) as caught:
        await read(server.url, ca_path, token, environment="sandbox")
    assert caught.value.code == "bad_request"
    assert server.callers == [""]


async def test_token_of_the_sandbox_needs_no_certificate_and_takes_a_good_one(face, authority, pairs, ca_path):
    token = token_of(face, "sandbox")
    assert token.startswith("test_token_")
    with serving(face, authority) as server:
        for pair in (None, pairs["good"]):
            assert await read(server.url, ca_path, token, pair, environment="sandbox")


@pytest.mark.parametrize("demands", [True, False])
async def test_certificate_of_another_authority_ends_the_handshake(face, authority, pairs, ca_path, demands):
    token = token_of(face, "sandbox")
    with serving(face, authority, demands=demands) as server, pytest.raises(TellerCertificateError):
        await read(server.url, ca_path, token, pairs["foreign"])
    assert server.callers == []


async def test_server_that_demands_a_certificate_refuses_a_client_without_one(face, authority, ca_path):
    with serving(face, authority, demands=True) as server, pytest.raises(TellerCertificateError):
        await read(server.url, ca_path, "test_token_x", environment="sandbox")
    assert server.callers == []


async def test_certificate_that_expires_under_a_running_client_is_refused_by_the_server(
    face, authority, pairs, ca_path
):
    old = pairs["expired"]
    with pytest.raises(TellerConfigurationError, match="expired"):
        TellerClient(environment="production", certificate=old.certificate, private_key=old.private_key)
    earlier = Timing(now=lambda: SYSTEM_TIMING.now() - timedelta(days=3))
    with serving(face, authority) as server:
        async with TellerClient(
            environment="production",
            certificate=old.certificate,
            private_key=old.private_key,
            base_url=server.url,
            ca_path=ca_path,
            timing=earlier,
        ) as teller:
            with pytest.raises(TellerCertificateError):
                await teller.list_accounts("token_x")
    assert server.callers == []


async def test_simulator_that_nobody_vouches_for_is_not_believed(face, authority, pairs):
    with serving(face, authority) as server, pytest.raises(TellerCertificateError):
        await read(server.url, None, "token_x", pairs["good"])
    assert server.callers == []


async def test_broken_connection_is_an_outage_and_no_refusal(pairs, ca_path, unused_tcp_port):
    with pytest.raises(TellerConnectionError):
        await read(f"https://127.0.0.1:{unused_tcp_port}", ca_path, "token_x", pairs["good"])


def test_blocking_client_presents_the_certificate_too(face, authority, pairs, ca_path, write_pair):
    cert_path, key_path = write_pair(pairs["good"])
    token = token_of(face, "production")
    with (
        serving(face, authority, demands=True) as server,
        TellerSyncClient(cert_path, key_path, "production", base_url=server.url, ca_path=ca_path) as teller,
    ):
        accounts = teller.list_accounts(token)
        pages = list(teller.iter_transaction_pages(token, accounts[0].id, count=7))
        assert len(pages) > 1
        assert [len(page) for page in pages[:-1]] == [7] * (len(pages) - 1)
        with pytest.raises(TellerAccessError):
            teller.list_accounts("token_unknown")


@pytest.mark.parametrize("environment", ["development", "production"])
def test_real_data_without_a_certificate_are_refused_at_the_start(environment):
    with pytest.raises(TellerConfigurationError) as caught:
        TellerClient(environment=environment)
    assert isinstance(caught.value, ValueError)
    assert caught.value.settings == ("TELLER_CERTIFICATE_PATH", "TELLER_PRIVATE_KEY_PATH")
    assert "dashboard" in str(caught.value)


def test_environment_and_address_are_checked_at_the_start():
    with pytest.raises(TellerConfigurationError, match="TELLER_ENVIRONMENT"):
        TellerClient(environment="live")
    with pytest.raises(TellerConfigurationError, match="TELLER_BASE_URL"):
        TellerClient(environment="production", base_url="http://api.teller.io")
    with pytest.raises(TellerConfigurationError, match="TELLER_CA_PATH"):
        TellerClient(ca_path="/nowhere/ca.pem")


@pytest.mark.parametrize(
    ("spoil", "setting", "words"),
    [
        ("no_certificate", "TELLER_CERTIFICATE_PATH", "no such file"),
        ("no_key", "TELLER_PRIVATE_KEY_PATH", "no such file"),
        ("open_key", "TELLER_PRIVATE_KEY_PATH", "chmod 600"),
        ("other_key", "TELLER_PRIVATE_KEY_PATH", "does not belong"),
        ("expired", "TELLER_CERTIFICATE_PATH", "expired on"),
        ("half", "TELLER_PRIVATE_KEY_PATH", "set together"),
    ],
)
def test_bad_pair_is_told_by_its_setting_and_by_nothing_else(pairs, write_pair, tmp_path, spoil, setting, words):
    cert_path, key_path = write_pair(pairs["expired" if spoil == "expired" else "good"])
    if spoil == "no_certificate":
        cert_path = str(tmp_path / "nowhere.pem")
    elif spoil == "no_key":
        key_path = str(tmp_path / "nowhere.pem")
    elif spoil == "open_key":
        _, key_path = write_pair(pairs["good"], mode=0o644, name="open")
    elif spoil == "other_key":
        _, key_path = write_pair(pairs["other"], name="other")
    elif spoil == "half":
        key_path = None
    with pytest.raises(TellerConfigurationError, match=words) as caught:
        TellerClient(cert_path, key_path, "production")
    assert caught.value.settings == (setting,)
    assert "PRIVATE KEY-" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_pair_as_text_is_checked_under_its_own_names(pairs):
    good = pairs["good"]
    one_line = good.private_key.replace("\n", "\\n")
    client = TellerClient(environment="production", certificate=good.certificate, private_key=one_line)
    assert client.certificate_subject == "CN=sandbox application"
    with pytest.raises(TellerConfigurationError) as caught:
        TellerClient(environment="production", certificate=good.certificate, private_key=pairs["other"].private_key)
    assert caught.value.settings == ("TELLER_PRIVATE_KEY",)
    with pytest.raises(TellerConfigurationError, match="not both"):
        TellerClient("c.pem", "k.pem", "production", certificate=good.certificate, private_key=good.private_key)
    with pytest.raises(TellerConfigurationError, match="both as files, or both"):
        TellerClient("c.pem", None, "production", private_key=good.private_key)


def test_certificate_that_ends_soon_is_warned_of(pairs, caplog):
    caplog.set_level(logging.WARNING)
    soon = pairs["soon"]
    TellerClient(certificate=soon.certificate, private_key=soon.private_key)
    assert "ends on" in caplog.text
    caplog.clear()
    TellerClient(certificate=pairs["good"].certificate, private_key=pairs["good"].private_key)
    assert caplog.text == ""


def test_key_is_in_no_repr(pairs):
    good = pairs["good"]
    client = TellerClient(certificate=good.certificate, private_key=good.private_key)
    assert good.private_key.splitlines()[1] not in repr(client) + repr(vars(client))


def environment_of(pairs, write_pair, **more):
    cert_path, key_path = write_pair(pairs["good"])
    return {"TELLER_CERTIFICATE_PATH": cert_path, "TELLER_PRIVATE_KEY_PATH": key_path, **more}


def test_settings_come_from_the_environment(pairs, write_pair):
    found = environment_of(pairs, write_pair, TELLER_ENVIRONMENT="development", PATH="/bin")
    assert TellerClient.from_env(found).environment == "development"
    assert TellerClient.from_env({}).environment == "sandbox"
    with TellerSyncClient.from_env(found) as teller:
        assert "development" in repr(teller)


def test_older_names_work_with_a_warning_and_must_not_contradict(pairs, write_pair):
    found = environment_of(pairs, write_pair)
    older = {"TELLER_CERT_PATH": found["TELLER_CERTIFICATE_PATH"], "TELLER_KEY_PATH": found["TELLER_PRIVATE_KEY_PATH"]}
    with pytest.warns(DeprecationWarning) as warned:
        assert TellerClient.from_env({**older, "TELLER_ENVIRONMENT": "production"}).certificate_subject
    assert [str(one.message) for one in warned] == [
        "TELLER_CERT_PATH is now TELLER_CERTIFICATE_PATH",
        "TELLER_KEY_PATH is now TELLER_PRIVATE_KEY_PATH",
    ]
    with pytest.raises(TellerConfigurationError) as caught:
        TellerClient.from_env({**found, "TELLER_CERT_PATH": "/elsewhere.pem"})
    assert caught.value.settings == ("TELLER_CERT_PATH", "TELLER_CERTIFICATE_PATH")


def make_adapter(clock, **settings):
    return PROVIDER.factory(ProviderContext(settings={"teller_application_id": "app_1", **settings}, clock=clock))


async def test_adapter_says_what_is_missing_before_anything_is_sent(clock, pairs, write_pair):
    with pytest.raises(ProviderNotConfiguredError) as caught:
        make_adapter(clock, teller_environment="production")
    assert caught.value.missing_settings == ("teller_certificate_path", "teller_private_key_path")
    paths = dict(zip(("teller_certificate_path", "teller_private_key_path"), write_pair(pairs["good"]), strict=True))
    clock.at = SYSTEM_TIMING.now()
    # Reading needs no more than this; nobody connects on the word of a page alone.
    adapter = make_adapter(clock, teller_environment="production", **paths)
    calls = (
        adapter.begin(ConnectRequest(connection_id="c_1", user_reference="u_1")),
        adapter.complete(ConnectCompletion(connection_id="c_1", values={"enrollment": "{}", "nonce": "n"})),
    )
    for call in calls:
        with pytest.raises(ProviderNotConfiguredError) as caught:
            await call
        assert caught.value.missing_settings == ("teller_token_signing_key",)
    await adapter.aclose()
    for bad in ("not base64!", "AAAA"):
        with pytest.raises(ProviderNotConfiguredError):
            make_adapter(clock, teller_token_signing_key=bad)
    for bad in ("0", "many", "100000"):
        with pytest.raises(ProviderNotConfiguredError):
            make_adapter(clock, teller_page_size=bad)
