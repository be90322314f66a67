"""Which provider is meant, with which settings: read when asked, told without a value."""

import os
import subprocess
import sys

import pytest

from bursar.banking import Banking, easy_banking
from bursar.banking.exceptions import BankingProviderError, InvalidCredentialsError
from bursar.banking.selection import OTHER_SPELLINGS, choose_provider, read_settings
from bursar.domain.connections import ProviderAuthType, ProviderCapability, ProviderCategory
from bursar.ports.errors import ProviderNotConfiguredError
from bursar.ports.provider import ProviderContext, ProviderSpec
from bursar.registry import Registry

PLAID = {"PLAID_CLIENT_ID": "client-canary", "PLAID_SECRET": "secret-canary"}


class Idle:
    """An adapter that nothing is asked of."""

    def __init__(self, context: ProviderContext) -> None:
        self.settings = dict(context.settings)

    async def aclose(self) -> None:
        return None


def refuse(context: ProviderContext) -> Idle:
    raise ProviderNotConfiguredError("The key does not fit the certificate: set another NORTH_KEY_PATH.")


def spec(slug: str, *, required=(), optional=(), factory=Idle) -> ProviderSpec:
    return ProviderSpec(
        slug=slug,
        display_name=slug.title(),
        category=ProviderCategory.BANK,
        auth_type=ProviderAuthType.API_KEY,
        capabilities=frozenset({ProviderCapability.ACCOUNTS}),
        factory=factory,
        required_settings=required,
        optional_settings=optional,
    )


CERTIFIED = spec(
    "teller",
    optional=("teller_certificate_path", "teller_private_key_path", "teller_certificate", "teller_environment"),
)
KEYED = spec(
    "plaid", required=("plaid_client_id", "plaid_secret"), optional=("plaid_environment", "plaid_env", "plaid_base_url")
)
REGISTRY = Registry([CERTIFIED, KEYED, spec("north", optional=("north_key_path",), factory=refuse)], [])


@pytest.fixture
def certificate(tmp_path) -> str:
    path = tmp_path / "certificate.pem"
    path.write_text("a file")
    return str(path)


def test_certificate_comes_before_keys(certificate) -> None:
    both = {**PLAID, "TELLER_CERTIFICATE_PATH": certificate}
    assert easy_banking(registry=REGISTRY, environ=both).provider == "teller"
    assert easy_banking(registry=REGISTRY, environ=PLAID).provider == "plaid"
    assert easy_banking(registry=REGISTRY, environ={"TELLER_CERTIFICATE": "PEM"}).provider == "teller"


def test_without_credentials_the_variables_are_named() -> None:
    with pytest.raises(ValueError, match="No banking provider credentials found") as caught:
        easy_banking(registry=REGISTRY, environ={"PLAID_SECRET": "secret-canary"})
    assert "TELLER_CERTIFICATE_PATH" in str(caught.value)
    assert "PLAID_CLIENT_ID" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert isinstance(caught.value, BankingProviderError)


def test_certificate_that_is_not_there_is_no_reason_to_take_another_provider(tmp_path) -> None:
    environ = {**PLAID, "TELLER_CERTIFICATE_PATH": str(tmp_path / "missing-canary.pem")}
    with pytest.raises(ValueError, match="TELLER_CERTIFICATE_PATH names a file that is not there") as caught:
        easy_banking(registry=REGISTRY, environ=environ)
    assert "canary" not in str(caught.value)
    with pytest.raises(ValueError, match="TELLER_CERTIFICATE_PATH names"):
        easy_banking(registry=REGISTRY, environ={"TELLER_CERTIFICATE_PATH": str(tmp_path)})


def test_named_provider_without_credentials_is_a_value_error_so_that_another_may_be_tried() -> None:
    def first_that_works() -> Banking:
        try:
            return easy_banking(provider="teller", registry=REGISTRY, environ=PLAID)
        except ValueError:
            return easy_banking(provider="plaid", registry=REGISTRY, environ=PLAID)

    assert first_that_works().provider == "plaid"
    with pytest.raises(ValueError, match="Plaid is not configured: set PLAID_SECRET"):
        easy_banking(provider="plaid", registry=REGISTRY, environ={"PLAID_CLIENT_ID": "x"})


def test_environment_of_a_sandbox_is_enough_where_it_needs_no_certificate() -> None:
    assert easy_banking("teller", registry=REGISTRY, environ={"TELLER_ENVIRONMENT": "sandbox"}).provider == "teller"
    assert easy_banking("teller", registry=REGISTRY, environ={}, environment="sandbox").provider == "teller"


def test_unknown_provider_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"'southbank' is unknown or not available yet\. Available: north, plaid, teller"
    ):
        easy_banking(provider="southbank", registry=REGISTRY, environ=PLAID)


@pytest.mark.parametrize(("other", "name"), OTHER_SPELLINGS.items())
def test_older_names_of_variables_are_taken_with_a_warning(other, name, certificate) -> None:
    chosen = CERTIFIED if other.startswith("teller") else KEYED
    value = certificate if name.endswith("_path") else "sandbox"
    environ = {**PLAID, other.upper(): value}
    with pytest.warns(DeprecationWarning, match=f"set {name.upper()}"):
        assert read_settings(chosen, environ, {})[name] == value
    with pytest.raises(ValueError, match="differ"):
        read_settings(chosen, {**environ, name.upper(): "another"}, {})
    with pytest.warns(DeprecationWarning):
        assert read_settings(chosen, {**environ, name.upper(): value}, {})[name] == value


def test_older_name_of_the_certificate_is_detected_too(certificate) -> None:
    with pytest.warns(DeprecationWarning, match="TELLER_CERTIFICATE_PATH"):
        assert easy_banking(registry=REGISTRY, environ={"TELLER_CERT_PATH": certificate}).provider == "teller"


def test_arguments_win_over_the_environment_and_objects_do_not_share_settings() -> None:
    made: list[dict[str, str]] = []

    def noting(context: ProviderContext) -> Idle:
        made.append(dict(context.settings))
        return Idle(context)

    registry = Registry([spec("plaid", required=KEYED.required_settings, factory=noting)], [])
    one = easy_banking("plaid", registry=registry, environ=PLAID, client_id="one")
    two = easy_banking("plaid", registry=registry, environ=PLAID, plaid_client_id="two", secret="other")
    assert one is not two
    assert [each["plaid_client_id"] for each in made] == ["one", "two"]
    assert [each["plaid_secret"] for each in made] == ["secret-canary", "other"]


def test_unknown_setting_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"has no setting 'colour'.*client_id, environment, secret"):
        easy_banking("plaid", registry=REGISTRY, environ=PLAID, colour="red")


def test_what_the_adapter_says_against_its_settings_is_a_value_error(certificate) -> None:
    with pytest.raises(ValueError, match="does not fit the certificate") as caught:
        easy_banking("north", registry=REGISTRY, environ={}, key_path=certificate)
    assert isinstance(caught.value, InvalidCredentialsError)
    assert caught.value.provider == "north"


def test_environment_is_read_when_asked(monkeypatch) -> None:
    for name in ("TELLER_CERTIFICATE_PATH", "TELLER_CERT_PATH", "TELLER_CERTIFICATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PLAID_CLIENT_ID", raising=False)
    with pytest.raises(ValueError, match="No banking provider"):
        easy_banking()
    for name, value in PLAID.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PLAID_ENVIRONMENT", "production")
    assert easy_banking().provider == "plaid"
    monkeypatch.setenv("PLAID_ENVIRONMENT", "mars")
    with pytest.raises(ValueError, match="sandbox or production"):
        easy_banking()


def test_retired_environment_means_production_with_a_warning(monkeypatch) -> None:
    with pytest.warns(UserWarning, match="retired"):
        easy_banking("plaid", environ={**PLAID, "PLAID_ENVIRONMENT": "development"})


def test_name_that_users_are_shown_comes_from_the_environment() -> None:
    environ = {**PLAID, "PLAID_CLIENT_NAME": "Ledger", "PLAID_PRODUCTS": "transactions,investments"}
    from bursar.banking.selection import read_link_options

    chosen = choose_provider(REGISTRY, None, environ)
    assert read_link_options(chosen, environ) == {"client_name": "Ledger", "products": "transactions,investments"}


@pytest.mark.parametrize("slug", sorted(Registry.discover().providers))
def test_every_registered_provider_can_be_named_and_says_what_it_lacks(slug) -> None:
    with pytest.raises(ValueError, match="is not configured: set"):
        easy_banking(slug, environ={})


def test_base_install_is_enough_for_a_script() -> None:
    """Nothing of the platform is loaded, neither by the import nor by the making."""
    program = (
        "import sys\n"
        "for name in ('fastapi', 'starlette', 'cryptography', 'psycopg', 'sqlalchemy', 'pydantic_settings',"
        " 'structlog', 'typer'):\n"
        "    sys.modules[name] = None\n"
        "from bursar.banking import add_banking, easy_banking\n"
        "import bursar.banking.history, bursar.banking.webhooks, bursar.banking.exceptions, bursar.models\n"
        "from bursar.providers.banking.plaid_client import PlaidClient\n"
        "banking = easy_banking('plaid', client_id='x', secret='y')\n"
        "try:\n"
        "    add_banking(None, banking)\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={"PATH": os.defpath}
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "add_banking needs FastAPI: pip install 'bursar[server]'"
