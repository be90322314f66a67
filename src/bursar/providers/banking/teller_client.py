"""Where is Teller's client, for those who look for it here?"""

from importlib import import_module


def __getattr__(name: str) -> object:
    if name == "TellerClient":
        return getattr(import_module("bursar.providers.teller"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
