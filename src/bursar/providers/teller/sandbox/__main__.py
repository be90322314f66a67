"""Serves a simulated Teller behind TLS until it is interrupted: `python -m bursar.providers.teller.sandbox FOLDER`.

Writes the authority's certificate and a client's certificate and key into the folder, and prints what a client must be
configured with to use them.
"""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from bursar.providers.teller.sandbox import SANDBOX
from bursar.providers.teller.sandbox.authority import Authority
from bursar.providers.teller.sandbox.serving import serving
from bursar.sandbox.world import World


def main() -> None:
    """Writes the certificates, prints the settings, and serves."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    # Blocked before there is another thread, so that whoever interrupts is waited for and nothing is left open.
    endings = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)
    authority = Authority()
    pair = authority.issue("sandbox application")
    files = {"ca.pem": authority.certificate, "certificate.pem": pair.certificate, "private_key.pem": pair.private_key}
    for name, text in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
    face = SANDBOX.varied(environment="development").build(World(1, start=datetime.now(UTC).date(), history_days=90))
    with serving(face, authority) as server:
        settings = {f"TELLER_{name.upper()}": value for name, value in face.credentials().items()}
        settings |= {
            "TELLER_BASE_URL": server.url,
            "TELLER_CA_PATH": str(folder / "ca.pem"),
            "TELLER_CERTIFICATE_PATH": str(folder / "certificate.pem"),
            "TELLER_PRIVATE_KEY_PATH": str(folder / "private_key.pem"),
        }
        sys.stdout.write("".join(f"export {name}={value}\n" for name, value in settings.items()))
        sys.stdout.flush()
        signal.sigwait(endings)


if __name__ == "__main__":
    main()
