"""Serves a simulator until it is interrupted: `python -m bursar.providers.sequence.sandbox`."""

import signal
import sys

from bursar.providers.sequence.sandbox.reference import demo_credentials
from bursar.providers.sequence.sandbox.serving import serving
from bursar.providers.sequence.sandbox.simulator import Simulator


def main() -> None:
    """Prints what a client must be configured with, and serves."""
    # Blocked before there is another thread, so that whoever interrupts is waited for and nothing is left open.
    endings = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)
    with serving(Simulator()) as simulator:
        names = {f"SEQUENCE_{name.upper()}": value for name, value in demo_credentials().items()}
        names |= {"SEQUENCE_APP_URL": simulator.origins.app, "SEQUENCE_AUTH_URL": simulator.origins.auth}
        sys.stdout.write("".join(f"export {name}={value}\n" for name, value in names.items()))
        sys.stdout.flush()
        signal.sigwait(endings)


if __name__ == "__main__":
    main()
