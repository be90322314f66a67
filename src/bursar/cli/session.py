"""How does a command reach the platform, and how does it say that something went wrong?"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, assert_never
from uuid import UUID

if TYPE_CHECKING:
    from bursar.bootstrap import Platform
    from bursar.domain.accounts import Account
    from bursar.domain.connections import Connection
    from bursar.domain.failures import ServiceFailure
    from bursar.domain.result import Result

T = TypeVar("T")
_EVERYTHING = 10_000
_SHORTEST_ENDING = 4


class CommandError(Exception):
    """A command that cannot do what it was asked: the text says what happened and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The open platform and the local user, for one command."""

    platform: "Platform"
    tenant_id: UUID
    user_id: UUID

    async def get_account(self, text: str) -> "Account":
        """Return the account of an id, or of the ending of one."""
        listed, _ = await self.platform.queries.list_accounts(self.tenant_id, limit=_EVERYTHING)
        return _chosen(text, {account.id: account for account in listed}, "account", "bursar accounts")

    async def get_connection(self, text: str) -> "Connection":
        """Return the connection of an id, or of the ending of one."""
        listed, _ = await self.platform.connect.list_connections(self.tenant_id, limit=_EVERYTHING, offset=0)
        return _chosen(text, {found.id: found for found in listed}, "connection", "bursar connections")


@asynccontextmanager
async def open_session(extra_settings: Mapping[str, str] | None = None) -> AsyncGenerator[Session]:
    """Open the platform that the environment describes, as its local user."""
    from bursar.bootstrap import open_platform
    from bursar.observability.logging import configure_logging

    configure_logging(level="ERROR")
    async with open_platform(extra_settings=extra_settings) as platform:
        local = await platform.access.ensure_local_user(with_token=False)
        yield Session(platform=platform, tenant_id=local.tenant_id, user_id=local.user_id)


def run(command: Callable[[Session], Awaitable[T]], *, extra_settings: Mapping[str, str] | None = None) -> T:
    """Run a command's coroutine with an open platform."""

    async def in_session() -> T:
        async with open_session(extra_settings) as session:
            return await command(session)

    return asyncio.run(in_session())


def unwrap(result: "Result[T, ServiceFailure]") -> T:
    """Return what a service answered.

    Raises:
        CommandError: it failed; the text is for the user.
    """
    from bursar.domain.result import Success

    if isinstance(result, Success):
        return result.value
    raise CommandError(explain(result.error))


def explain(failure: "ServiceFailure") -> str:
    """Return what happened and what to do about it."""
    from bursar.domain.failures import Conflict, FileRefused, Invalid, LeaseLost, NotFound, ProviderFailed

    match failure:
        case NotFound():
            return f"No such {failure.what}." + (f" {failure.hint}" if failure.hint else "")
        case Invalid():
            return f"{failure.field}: {failure.message}"
        case Conflict():
            choices = "".join(f"\n  {'  '.join(choice.values())}" for choice in failure.candidates)
            wait = f" Try again in {failure.retry_after_s} s." if failure.retry_after_s is not None else ""
            return failure.message + wait + choices
        case FileRefused():
            return failure.message if failure.line is None else f"{failure.message} (line {failure.line})"
        case ProviderFailed():
            until = f" Not before {failure.next_attempt_at:%Y-%m-%d %H:%M} UTC." if failure.next_attempt_at else ""
            return f"{failure.message} {_ACTIONS.get(failure.action, '')}{until}".strip()
        case LeaseLost():
            return failure.message
        case _:
            assert_never(failure)


_ACTIONS = {
    "reauthenticate": "Sign in again: bursar connect PROVIDER --renew CONNECTION.",
    "widen_consent": "Connect again and allow the account or the product.",
    "configure": "Set them in the environment; bursar doctor shows what is missing.",
    "wait": "Try again later.",
    "report": "This is for a developer: please report it.",
}


def describe_error(error: BaseException) -> str:
    """Return what a user is told of an exception: never a traceback, never a secret."""
    from bursar.bootstrap import is_database_lost
    from bursar.observability.redaction import clean_text
    from bursar.registry import RegistryError
    from bursar.security.failures import MasterKeysError, VaultError

    if isinstance(error, CommandError):
        return str(error)
    if is_database_lost(error):
        return "The database cannot be reached. Is it running, and is BURSAR_DATABASE_URL right? See: bursar doctor"
    if isinstance(error, RegistryError | MasterKeysError | VaultError):
        return clean_text(str(error))
    if type(error).__name__ == "ValidationError":
        fields = ", ".join(f"BURSAR_{'_'.join(map(str, each['loc'])).upper()}" for each in _errors_of(error))
        return f"A setting cannot be used: {fields}. Correct it in the environment."
    if type(error) is RuntimeError:
        # The embedded database says in words what it lacks.
        return clean_text(str(error))
    if isinstance(error, OSError):
        return clean_text(f"{error.strerror or type(error).__name__}: {error.filename or 'the operating system'}")
    return f"Bursar failed ({type(error).__name__}). Run it again with --debug before the command to see where."


def _errors_of(error: BaseException) -> list[dict[str, tuple[object, ...]]]:
    errors = getattr(error, "errors", None)
    return errors() if callable(errors) else []  # pyright: ignore[reportReturnType] - pydantic's own shape


def _chosen(text: str, known: Mapping[UUID, T], noun: str, command: str) -> T:
    wanted = text.strip().lower()
    exact = [each for key, each in known.items() if str(key) == wanted]
    ending = [each for key, each in known.items() if len(wanted) >= _SHORTEST_ENDING and str(key).endswith(wanted)]
    found = exact or ending
    if len(found) == 1:
        return found[0]
    problem = f"{text!r} is the ending of several ids" if found else f"There is no {noun} {text!r}"
    raise CommandError(f"{problem}: {command} lists them.")
