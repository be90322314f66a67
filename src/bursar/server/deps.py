"""Who calls, may they, and what do they call with?"""

from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import BeforeValidator

from bursar.bootstrap import Platform
from bursar.domain.failures import ServiceFailure
from bursar.domain.ids import parse_id
from bursar.domain.result import Failure, Result, T
from bursar.domain.tenants import Principal
from bursar.observability.logging import log_context
from bursar.server.errors import ApiError, Detail, Validation, from_failure
from bursar.server.limits import RateLimiter, check

_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
_REPEATABLE = frozenset({"account_id", "bank_id", "connection_id", "currency", "fields", "include", "status"})
_JSON_TYPES = frozenset({"*/*", "application/*", "application/json", "application/problem+json", "application/*+json"})


def get_platform(request: Request) -> Platform:
    """Return the platform that this application serves."""
    return request.app.state.platform


PlatformDep = Annotated[Platform, Depends(get_platform)]


def check_form(request: Request) -> None:
    """Refuse what no route can answer: an Accept without JSON, one parameter twice.

    Raises:
        ApiError: 406, or 400 naming the parameters.
    """
    accepted = [each.partition(";") for each in ",".join(request.headers.getlist("accept")).lower().split(",")]
    offered = {name.strip() for name, _, options in accepted if options.replace(" ", "") not in ("q=0", "q=0.0")}
    if any(name.strip() for name, _, _ in accepted) and not offered & _JSON_TYPES:
        raise ApiError("not_acceptable", "Answers are JSON; accept application/json.")
    repeated = {
        name for name in request.query_params if name not in _REPEATABLE and len(request.query_params.getlist(name)) > 1
    }
    if repeated:
        raise Validation(
            [Detail(field=name, message="Give this parameter once.", code="unique") for name in sorted(repeated)]
        )


async def authenticate(
    request: Request,
    platform: PlatformDep,
    _described: Annotated[object, Depends(HTTPBearer(auto_error=False, description="A token of this installation."))],
) -> AsyncGenerator[Principal]:
    """Give the caller that the bearer token proves.

    Raises:
        ApiError: 401 without a token, or with one that is unknown, revoked or expired (the cases look alike).
    """
    sent = request.headers.getlist("authorization")
    scheme, _, token = (sent[0] if len(sent) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError("auth_required", "Send your token as `Authorization: Bearer <token>`.", headers=_CHALLENGE)
    caller = await platform.access.authenticate(token.strip())
    if caller is None:
        raise ApiError("invalid_token", "This token is not valid.", headers=_CHALLENGE)
    _limit(request, f"tenant {caller.tenant_id}")
    request.state.tenant_id = caller.tenant_id
    request.state.user_id = caller.user_id
    with log_context(tenant_id=caller.tenant_id, user_id=caller.user_id):
        yield caller


def limit_address(request: Request) -> None:
    """Count a request that asks for no token against its address.

    Raises:
        ApiError: 429.
    """
    _limit(request, f"address {request.client.host if request.client is not None else ''}")


def _limit(request: Request, key: str) -> None:
    limiter: RateLimiter = request.app.state.limiter
    request.state.allowance = limiter.take(key)
    check(request.state.allowance)


Caller = Annotated[Principal, Depends(authenticate)]
"""Any user of a tenant: may read."""


def require_writer(caller: Caller) -> Principal:
    """Return the caller when its role may change something.

    Raises:
        ApiError: 403.
    """
    if not caller.role.may_write():
        raise ApiError("permission_denied", "Your role may read, not change.")
    return caller


Writer = Annotated[Principal, Depends(require_writer)]
"""A user whose role may change something."""


def require_owner_reader(caller: Caller) -> Principal:
    """Return the caller when its role may see who owns an account.

    Raises:
        ApiError: 403.
    """
    if not caller.role.may_see_owners():
        raise ApiError("permission_denied", "Your role may not see who owns an account.")
    return caller


OwnerReader = Annotated[Principal, Depends(require_owner_reader)]
"""A user whose role may see who owns an account."""


def require_admin(caller: Caller) -> Principal:
    """Return the caller when its role may say how long data is kept, and may erase it.

    Raises:
        ApiError: 403.
    """
    if not caller.role.may_destroy():
        raise ApiError("permission_denied", "Only an administrator may do this.")
    return caller


Admin = Annotated[Principal, Depends(require_admin)]
"""An administrator of the tenant."""


def require_mover(caller: Caller, platform: PlatformDep) -> Principal:
    """Return the caller when its role may move money and the operator has switched transfers on.

    Raises:
        ApiError: 403.
    """
    if not caller.role.may_move_money():
        raise ApiError("permission_denied", "Only an administrator may move money.")
    return with_transfers(caller, platform)


def with_transfers(caller: Caller, platform: PlatformDep) -> Principal:
    """Return the caller where the operator has switched transfers on.

    Raises:
        ApiError: 403, which says how.
    """
    refused = platform.transfers.refuse()
    if refused is not None:
        raise ApiError(refused.code, refused.message)
    return caller


Mover = Annotated[Principal, Depends(require_mover)]
"""A user whose role may move money, where that is switched on."""

Onlooker = Annotated[Principal, Depends(with_transfers)]
"""Any user of a tenant, where transfers are switched on: may look at them."""


def _canonical_id(text: object) -> UUID:
    found = parse_id(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not an id")
    return found


Id = Annotated[UUID, BeforeValidator(_canonical_id)]
"""An id of ours in its one canonical form."""


def value_of(
    outcome: Result[T, ServiceFailure], caller: Principal, platform: Platform, *, completing: bool = False
) -> T:
    """Return what a use case answered.

    Raises:
        ApiError: it failed; the error says how.
    """
    if isinstance(outcome, Failure):
        raise from_failure(outcome.error, caller=caller, now=platform.clock.now(), completing=completing)
    return outcome.value
