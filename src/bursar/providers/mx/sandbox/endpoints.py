"""What does the simulated MX answer to each question?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from bursar.providers.mx.sandbox.blemishes import Body
from bursar.providers.mx.sandbox.desk import CHALLENGING_PASSWORD, Desk, Listed, describe_status
from bursar.providers.mx.sandbox.institutions import (
    field_guid,
    find_bank,
    list_codes,
    render_fields,
    render_institution,
)
from bursar.providers.mx.sandbox.listing import Query, paged, read_day, read_moment, read_paging
from bursar.providers.mx.sandbox.members import Member, User
from bursar.providers.mx.sandbox.problems import MXProblemError, bad_request, not_found
from bursar.sandbox.people import AccountKind

_INSTITUTIONS_PER_PAGE = 100
_DEPOSITS = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS})


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in."""

    desk: Desk
    fault_path: str
    """As faults name it."""
    base_url: str
    names: tuple[str, ...]
    """What stands in the path where its pattern has a star."""
    query: Query
    body: Mapping[str, Any]

    @property
    def user(self) -> User:
        """The user of the path."""
        user = self.desk.find_user(self.names[0])
        if user.is_disabled:
            raise MXProblemError(403, "the user is disabled")
        return user

    @property
    def member(self) -> Member:
        """The login of the path."""
        return self.desk.find_member(self.user, self.names[1])

    def member_of_body(self, name: str) -> Mapping[str, Any]:
        """An object in the body."""
        found: object = self.body.get(name)
        if not isinstance(found, dict):
            raise bad_request(f"{name} must be an object")
        return cast("Mapping[str, Any]", found)

    def page(self, name: str, rows: list[Body]) -> Body:
        """A page of a listing that stands still."""
        return paged(name, rows, read_paging(self.query))


Answer = tuple[int, Body | None]
Handler = Callable[[Call], Answer]


def _create_user(call: Call) -> Answer:
    asked = call.member_of_body("user")
    own_id = _text(asked, "id")
    if any(own_id is not None and own_id == user.own_id for user in call.desk.users.values()):
        raise MXProblemError(409, "the id has already been taken")
    user = User(call.desk.mint.next("user"), own_id, _text(asked, "email"), _text(asked, "metadata"))
    call.desk.users[user.guid] = user
    return 200, {"user": user.render()}


def _list_users(call: Call) -> Answer:
    return 200, call.page("users", [user.render() for user in call.desk.users.values()])


def _get_user(call: Call) -> Answer:
    return 200, {"user": call.desk.find_user(call.names[0]).render()}


def _update_user(call: Call) -> Answer:
    user, asked = call.desk.find_user(call.names[0]), call.member_of_body("user")
    user.email = _text(asked, "email") or user.email
    user.metadata = _text(asked, "metadata") or user.metadata
    user.is_disabled = bool(asked.get("is_disabled", user.is_disabled))
    return 200, {"user": user.render()}


def _delete_user(call: Call) -> Answer:
    user = call.desk.find_user(call.names[0])
    for member in call.desk.members_of(user):
        call.desk.delete_member(member)
    del call.desk.users[user.guid]
    return 204, None


def _open_widget(call: Call) -> Answer:
    user, asked = call.user, call.member_of_body("widget_url")
    if asked.get("widget_type") != "connect_widget":
        raise MXProblemError(422, "widget_type must be connect_widget")
    guid = _text(asked, "current_member_guid")
    member = None if guid is None else call.desk.find_member(user, guid)
    if member is not None and asked.get("update_credentials") is not True:
        member = None
    widget = call.desk.open_widget(user, _text(asked, "current_institution_code"), member)
    url = f"{call.base_url}/widgets/{widget.token}"
    return 200, {"widget_url": {"type": "connect_widget", "url": url, "user_id": user.own_id}}


def _create_member(call: Call) -> Answer:
    desk, user, asked = call.desk, call.user, call.member_of_body("member")
    code = _text(asked, "institution_code") or ""
    bank = find_bank(desk.world, code)
    if bank is None:
        raise MXProblemError(422, "the institution is unknown")
    typed = {
        str(one.get("guid")): str(one.get("value"))
        for one in cast("list[Mapping[str, Any]]", asked.get("credentials") or [])
    }
    login = desk.world.find_login(bank.key, typed.get(field_guid(desk.mint, code, "username"), ""))
    password = typed.get(field_guid(desk.mint, code, "password"), "")
    if login is None:
        raise MXProblemError(422, "the credentials are incomplete, or nobody here logs in so")
    if any(one.login is login for one in desk.members_of(user)):
        raise MXProblemError(409, "the member exists already")
    asks = password == CHALLENGING_PASSWORD
    member = desk.make_member(user, code, login, asks=asks, is_right=asks or password == login.password)
    member.own_id, member.metadata = _text(asked, "id"), _text(asked, "metadata")
    return 202, {"member": member.render()}


def _list_members(call: Call) -> Answer:
    return 200, call.page("members", [member.render() for member in call.desk.members_of(call.user)])


def _get_member(call: Call) -> Answer:
    return 200, {"member": call.member.render()}


def _get_status(call: Call) -> Answer:
    member = call.member
    is_down = call.desk.is_down(call.fault_path, member)
    is_not_ready = call.desk.is_not_ready(call.fault_path)
    return 200, {"member": describe_status(member, is_down=is_down, is_not_ready=is_not_ready)}


def _delete_member(call: Call) -> Answer:
    call.desk.delete_member(call.member)
    return 204, None


def _list_challenges(call: Call) -> Answer:
    challenges = call.member.render_challenges()
    return (200, call.page("challenges", challenges)) if challenges else (204, None)


def _resume(call: Call) -> Answer:
    member = call.member
    given = cast("list[Mapping[str, Any]]", call.member_of_body("member").get("challenges") or [])
    call.desk.resume(member, {str(one.get("guid")): str(one.get("value")) for one in given})
    return 202, {"member": member.render()}


def _start_job(call: Call) -> Answer:
    member = call.member
    call.desk.start_job(member, call.names[2])
    return 202, {"member": member.render()}


def _accounts_of(call: Call, members: list[Member]) -> Answer:
    bodies = [
        call.desk.renderer.account(member, account, guid)
        for member in members
        for guid, account in call.desk.shown_accounts(member)
    ]
    return 200, call.page("accounts", bodies)


def _list_user_accounts(call: Call) -> Answer:
    return _accounts_of(call, call.desk.members_of(call.user))


def _list_member_accounts(call: Call) -> Answer:
    return _accounts_of(call, [call.member])


def _transactions(call: Call, members: list[Member], only: str | None = None) -> Answer:
    desk, query = call.desk, call.query
    today = desk.world.now.date()
    first = read_day(query, "from_date")
    last = read_day(query, "to_date")
    first_text = first.isoformat() if first is not None else _days_from(today, -120)
    last_text = last.isoformat() if last is not None else _days_from(today, 5)
    bounds = {
        name: (read_moment(query, f"from_{name}"), read_moment(query, f"to_{name}"))
        for name in ("created_at", "updated_at")
    }

    def rows_at(at: datetime) -> list[Body]:
        rows = [one for member in members for one in desk.rows_of(member, at, only)]
        return [
            one.body
            for one in rows
            if first_text <= one.date <= last_text and all(_within(one, name, *span) for name, span in bounds.items())
        ]

    answer = desk.loops.serve(call.fault_path, query, "transactions", rows_at)
    for member in members[:1]:
        desk.mutate_after_page(call.fault_path, member, read_paging(query).page)
    return 200, answer


def _within(row: Listed, name: str, start: datetime | None, end: datetime | None) -> bool:
    at: datetime = getattr(row, name)
    # The wire knows whole seconds.
    at = at.replace(microsecond=0)
    return (start is None or start <= at) and (end is None or at <= end)


def _list_user_transactions(call: Call) -> Answer:
    return _transactions(call, call.desk.members_of(call.user))


def _list_member_transactions(call: Call) -> Answer:
    return _transactions(call, [call.member])


def _list_account_transactions(call: Call) -> Answer:
    member, _ = call.desk.find_account(call.user, call.names[1])
    return _transactions(call, [member], call.names[1])


def _list_owners(call: Call) -> Answer:
    desk, member = call.desk, call.member
    # Owners are there once MX was asked to identify them.
    shown = desk.shown_accounts(member) if "identify" in member.last_done else []
    bodies = [desk.renderer.owner(member, guid, person) for guid, account in shown for person in account.holders]
    return 200, call.page("account_owners", bodies)


def _numbers(call: Call, members: list[Member], only: str | None = None) -> Answer:
    desk = call.desk
    bodies = [
        desk.renderer.number(member, guid, account)
        for member in members
        if "verify" in member.last_done
        for guid, account in desk.shown_accounts(member)
        if account.kind in _DEPOSITS and only in (None, guid)
    ]
    return 200, call.page("account_numbers", bodies)


def _list_member_numbers(call: Call) -> Answer:
    return _numbers(call, [call.member])


def _list_account_numbers(call: Call) -> Answer:
    member, _ = call.desk.find_account(call.user, call.names[1])
    return _numbers(call, [member], call.names[1])


def _holdings(call: Call, members: list[Member], only: str | None = None) -> Answer:
    desk = call.desk
    bodies = [
        body
        for member in members
        for guid, account in desk.shown_accounts(member)
        if account.kind is AccountKind.BROKERAGE and only in (None, guid)
        for body in desk.renderer.holdings(member, account, guid)
    ]
    return 200, call.page("investment_holdings", bodies)


def _list_user_holdings(call: Call) -> Answer:
    return _holdings(call, call.desk.members_of(call.user))


def _list_member_holdings(call: Call) -> Answer:
    return _holdings(call, [call.member])


def _list_account_holdings(call: Call) -> Answer:
    member, _ = call.desk.find_account(call.user, call.names[1])
    return _holdings(call, [member], call.names[1])


def _search_institutions(call: Call) -> Answer:
    codes = list_codes(call.query.get("name", ""))
    bodies = [render_institution(call.desk.mint, code) for code in codes]
    return 200, paged("institutions", bodies, read_paging(call.query, largest=_INSTITUTIONS_PER_PAGE))


def _get_institution(call: Call) -> Answer:
    return 200, {"institution": render_institution(call.desk.mint, call.names[0])}


def _list_fields(call: Call) -> Answer:
    return 200, call.page("credentials", render_fields(call.desk.mint, call.names[0]))


_MEMBER = "/users/*/members/*"
_ACCOUNT = "/users/*/accounts/*"
_ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/users": {"POST": _create_user, "GET": _list_users},
    "/users/*": {"GET": _get_user, "PUT": _update_user, "DELETE": _delete_user},
    "/users/*/widget_urls": {"POST": _open_widget},
    "/users/*/members": {"POST": _create_member, "GET": _list_members},
    _MEMBER: {"GET": _get_member, "DELETE": _delete_member},
    f"{_MEMBER}/status": {"GET": _get_status},
    f"{_MEMBER}/challenges": {"GET": _list_challenges},
    f"{_MEMBER}/resume": {"PUT": _resume},
    f"{_MEMBER}/accounts": {"GET": _list_member_accounts},
    f"{_MEMBER}/transactions": {"GET": _list_member_transactions},
    f"{_MEMBER}/account_owners": {"GET": _list_owners},
    f"{_MEMBER}/account_numbers": {"GET": _list_member_numbers},
    f"{_MEMBER}/investment_holdings": {"GET": _list_member_holdings},
    f"{_MEMBER}/*": {"POST": _start_job},
    "/users/*/accounts": {"GET": _list_user_accounts},
    "/users/*/transactions": {"GET": _list_user_transactions},
    "/users/*/investment_holdings": {"GET": _list_user_holdings},
    f"{_ACCOUNT}/transactions": {"GET": _list_account_transactions},
    f"{_ACCOUNT}/account_numbers": {"GET": _list_account_numbers},
    f"{_ACCOUNT}/investment_holdings": {"GET": _list_account_holdings},
    "/institutions": {"GET": _search_institutions},
    "/institutions/*": {"GET": _get_institution},
    "/institutions/*/credentials": {"GET": _list_fields},
}
_PATTERNS = tuple((tuple(pattern.split("/")[1:]), handlers) for pattern, handlers in _ROUTES.items())


def find_handler(method: str, segments: tuple[str, ...]) -> tuple[Handler, tuple[str, ...]]:
    """The handler of a path and what stands where its pattern has a star; raises 404 and 405."""
    is_known = False
    for pattern, handlers in _PATTERNS:
        if len(pattern) != len(segments):
            continue
        if all(one in ("*", other) for one, other in zip(pattern, segments, strict=True)):
            is_known = True
            if method in handlers:
                names = tuple(other for one, other in zip(pattern, segments, strict=True) if one == "*")
                return handlers[method], names
    raise MXProblemError(405, "the method is not allowed") if is_known else not_found()


def _text(members: Mapping[str, Any], name: str) -> str | None:
    value: object = members.get(name)
    if value is not None and not isinstance(value, str):
        raise bad_request(f"{name} must be a string")
    return value or None


def _days_from(day: date, count: int) -> str:
    return (day + timedelta(days=count)).isoformat()
