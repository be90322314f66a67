"""How does a program get at a bank with one line?"""

import os
from collections.abc import Mapping

from bursar.banking.face import Banking, make_banking
from bursar.banking.selection import choose_provider, derive_link_key, missing_to_link, read_link_options, read_settings
from bursar.domain.time import Clock, SystemClock
from bursar.ports.provider import ProviderContext
from bursar.registry import Registry
from bursar.transport.timing import SYSTEM_TIMING, Timing


def easy_banking(
    provider: str | None = None,
    *,
    registry: Registry | None = None,
    clock: Clock | None = None,
    timing: Timing = SYSTEM_TIMING,
    environ: Mapping[str, str] | None = None,
    **settings: str | os.PathLike[str] | None,
) -> Banking:
    """Return an object that reads banks, configured by the environment as it is now. Nothing is sent yet.

    Without `provider`: Teller when `TELLER_CERTIFICATE_PATH` is set, else Plaid when `PLAID_CLIENT_ID` is set. Each
    call makes an object of its own; two with different credentials live side by side.

    ```python
    banking = easy_banking()
    banking = easy_banking(provider="plaid", client_id="...", secret="...", environment="production")
    ```

    Args:
        provider: any provider of the registry, by its name.
        registry: discovered when None.
        clock: says what day it is; the machine's when None.
        timing: how requests wait between attempts.
        environ: variables to read instead of `os.environ`.
        settings: settings of the provider that win over the environment, with or without its name in front:
            `environment=`, `client_id=`, `cert_path=`.

    Raises:
        ValueError: no credentials, an unknown provider or setting, a certificate that is missing, expired or does not
            fit its key. The text says what to set and never shows a value.
    """
    return open_banking(provider, settings, registry=registry, clock=clock, timing=timing, environ=environ)


def open_banking(
    provider: str | None,
    settings: Mapping[str, str | os.PathLike[str] | None],
    *,
    registry: Registry | None = None,
    clock: Clock | None = None,
    timing: Timing = SYSTEM_TIMING,
    environ: Mapping[str, str] | None = None,
) -> Banking:
    """Do what `easy_banking` does, with the settings as one argument."""
    variables = os.environ if environ is None else environ
    spec = choose_provider(registry or Registry.discover(), provider, variables)
    context = ProviderContext(
        settings=read_settings(spec, variables, settings), clock=clock or SystemClock(), timing=timing
    )
    return make_banking(
        spec,
        lambda: spec.factory(context),
        link_options=read_link_options(spec, variables),
        missing_to_link=missing_to_link(spec, context.settings),
        link_key=derive_link_key(context.settings),
        clock=context.clock,
    )
