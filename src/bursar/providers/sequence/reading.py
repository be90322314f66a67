"""What does one login hold now, as records of the ledger, with what could not be read beside them?"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, cast

from bursar.domain.accounts import ProviderAccountData
from bursar.domain.sync import DataWarning, RecordKind, RejectedRecord, RejectReason
from bursar.domain.transactions import ProviderTransactionData
from bursar.ports.rejects import UnreadableError
from bursar.providers.sequence.documents import PLACES, PLACES_OPERATION
from bursar.providers.sequence.failures import invalid_answer
from bursar.providers.sequence.mapping import (
    ACCOUNT,
    PENDING,
    POD,
    PORT,
    WITHDRAWN,
    JsonObject,
    Movement,
    Place,
    is_gone,
    own_ends,
    text_of,
    to_movement,
    to_place,
    to_transaction,
)
from bursar.providers.sequence.rejects import rejected
from bursar.providers.sequence.sdk import operations
from bursar.providers.sequence.sdk.exceptions import GraphQLError
from bursar.providers.sequence.sdk.operations import Operation

Ask = Callable[[Operation[JsonObject]], Awaitable[JsonObject]]

PAGE_SIZE = 100
MAX_PAGES = 5_000
_LISTING_TRIES = 3
_BAD_CURSOR = "BAD_USER_INPUT"
_LISTS = {"pods": POD, "ports": PORT, "accounts": ACCOUNT}


def _whole(data: Mapping[str, Any]) -> JsonObject:
    return data


@dataclass(frozen=True, slots=True)
class Scope:
    """An organization of the login, and on whose behalf money moves in it."""

    organization_id: str
    kyc_ids: tuple[str, ...]


class LoginReader:
    """Reads one login once; make another one for the next reading.

    Args:
        ask: sends an operation that only reads, and repeats it where that may help.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lost: set[str | None] = set()
        self.user_id = ""
        self.places: dict[str, Place] = {}
        self.scopes: list[Scope] = []
        self.rejected: list[RejectedRecord] = []
        self.warnings: list[DataWarning] = []

    @property
    def accounts(self) -> list[ProviderAccountData]:
        """Every place as an account of the ledger."""
        return [place.account for place in self.places.values()]

    async def read_places(self) -> None:
        """Read pods, ports and linked accounts of every organization that the login belongs to.

        Raises:
            ProviderInvalidResponseError: the answer lacks what it cannot be without.
        """
        data = await self._ask(Operation(PLACES_OPERATION, PLACES, _whole))
        me = data.get("me")
        if not isinstance(me, Mapping):
            raise invalid_answer()
        person = cast("JsonObject", me)
        try:
            self.user_id = text_of(person, "id")
        except UnreadableError:
            raise invalid_answer() from None
        memberships = person.get("memberships")
        if not isinstance(memberships, list):
            raise invalid_answer()
        for index, membership in enumerate(cast("list[Any]", memberships)):
            self._take_membership(membership, index)

    async def read_movements(
        self, *, account_id: str | None = None, since: date | None = None, until: date | None = None
    ) -> list[ProviderTransactionData]:
        """Read the rows of every place, or of one, between two days of New York that are included."""
        found: dict[str | None, ProviderTransactionData] = {}
        for scope in self._scopes_of(account_id):
            for index, node in enumerate(await self.read_activity(scope.organization_id, since=since, until=until)):
                for row in self._rows_of(node, index):
                    # A listing that moves while it is read can tell a row twice: the later word counts.
                    found[row.provider_transaction_id] = row
        self._book(found.values())
        return [
            row
            for row in found.values()
            if (account_id is None or row.provider_account_id == account_id)
            and (since is None or row.transaction_date >= since)
            and (until is None or row.transaction_date <= until)
        ]

    async def read_pending(self) -> None:
        """Read what is on its way, so that balances are those of the books."""
        rows: list[ProviderTransactionData] = []
        for scope in self.scopes:
            nodes = await self.read_activity(scope.organization_id, statuses=sorted(PENDING))
            rows += [row for index, node in enumerate(nodes) for row in self._rows_of(node, index)]
        self._book(rows)

    def _book(self, rows: Iterable[ProviderTransactionData]) -> None:
        """Tell what Sequence has taken off a balance already apart from what is booked.

        What leaves a pod or port is taken off at once and is pending until it has arrived: the balance that Sequence
        tells is what can be spent, and the one of the books still has what is on its way.
        """
        leaving: dict[str, Decimal] = {}
        for row in rows:
            if row.status == "pending" and row.amount < 0:
                leaving[row.provider_account_id] = leaving.get(row.provider_account_id, Decimal(0)) + row.amount
        for place in list(self.places.values()):
            account = place.account
            if place.kind == ACCOUNT or not account.balance_known:
                continue
            booked = account.balance - leaving.get(place.place_id, Decimal(0))
            self.places[place.place_id] = replace(
                place, account=replace(account, balance=booked, available_balance=account.balance)
            )

    async def read_activity(
        self,
        organization_id: str,
        *,
        since: date | None = None,
        until: date | None = None,
        statuses: Sequence[str] | None = None,
    ) -> list[Any]:
        """Read the nodes of an organization's activity log, the newest first, to the end of the listing.

        From the start again when the listing no longer knows the page that it named itself.

        Raises:
            ProviderInvalidResponseError: a page lacks what it cannot be without, or the pages do not come to an end.
        """
        for _ in range(_LISTING_TRIES):
            nodes = await self._read_pages(organization_id, since, until, statuses)
            if nodes is not None:
                return nodes
        raise invalid_answer()

    async def _read_pages(
        self, organization_id: str, since: date | None, until: date | None, statuses: Sequence[str] | None
    ) -> list[Any] | None:
        """Read every page; None when Sequence does not know one that it has named."""
        nodes: list[Any] = []
        after, seen = "", {""}
        for _ in range(MAX_PAGES):
            asked = operations.activity(
                organization_id,
                PAGE_SIZE,
                after,
                since.isoformat() if since is not None else None,
                until.isoformat() if until is not None else None,
                statuses,
                None,
                None,
                False,
                "",
            )
            page_of = Operation(asked.name, asked.document, _whole, asked.variables)
            try:
                data = await self._ask(page_of)
            except GraphQLError as error:
                if after and _BAD_CURSOR in error.codes:
                    return None
                raise
            connection = _connection(data)
            nodes += [
                cast("JsonObject", edge).get("node") if isinstance(edge, Mapping) else edge
                for edge in _list(connection, "edges")
            ]
            page = connection.get("pageInfo")
            has_next = cast("JsonObject", page).get("hasNextPage") if isinstance(page, Mapping) else None
            if has_next is False:
                return nodes
            cursor = cast("JsonObject", page).get("endCursor") if isinstance(page, Mapping) else None
            if has_next is not True or not isinstance(cursor, str) or cursor in seen:
                raise invalid_answer()
            seen.add(cursor)
            after = cursor
        raise invalid_answer()

    def _scopes_of(self, account_id: str | None) -> Sequence[Scope]:
        place = self.places.get(account_id) if account_id is not None else None
        if place is None:
            return self.scopes
        return [scope for scope in self.scopes if scope.organization_id == place.organization_id]

    def _take_membership(self, membership: Any, index: int) -> None:
        try:
            if not isinstance(membership, Mapping):
                raise UnreadableError(RejectReason.INCONSISTENT, "organization")
            organization = cast("JsonObject", membership).get("organization")
            if not isinstance(organization, Mapping):
                raise UnreadableError(_why(organization), "organization")
            home = cast("JsonObject", organization)
            organization_id = text_of(home, "id")
            listed = {name: _listed(home, name) for name in _LISTS}
        except UnreadableError as error:
            self._lose_account(membership, error, "memberships", index)
            return
        self.scopes.append(Scope(organization_id, _kyc_ids(home)))
        for name, kind in _LISTS.items():
            for place_index, node in enumerate(listed[name]):
                try:
                    if not isinstance(node, Mapping):
                        raise UnreadableError(RejectReason.INCONSISTENT, "id")
                    place = to_place(cast("JsonObject", node), kind, organization_id)
                except UnreadableError as error:
                    self._lose_account(node, error, name, place_index)
                else:
                    self.places[place.place_id] = place

    def _lose_account(self, row: Any, error: UnreadableError, member: str, index: int) -> None:
        record = rejected(RecordKind.ACCOUNT, row, error, member=member, index=index)
        self.rejected.append(record)
        self._lost.add(record.provider_id)

    def _rows_of(self, node: Any, index: int) -> list[ProviderTransactionData]:
        try:
            if not isinstance(node, Mapping):
                raise UnreadableError(_why(node), "node")
            movement = to_movement(cast("JsonObject", node))
        except UnreadableError as error:
            self._reject_row(node, error, index, self._ends_of_unreadable(node))
            return []
        if movement.status in WITHDRAWN:
            return []
        return self._rows_of_movement(node, movement, index)

    def _rows_of_movement(self, node: Any, movement: Movement, index: int) -> list[ProviderTransactionData]:
        ends = dict(own_ends(movement, self.places))
        rows: list[ProviderTransactionData] = []
        for name, found in ends.items():
            if isinstance(found, UnreadableError):
                self._reject_row(node, found, index, [None])
                continue
            if found is None:
                self._note_gone(movement.source if name == "source" else movement.destination)
                continue
            other = ends["destination" if name == "source" else "source"]
            try:
                rows.append(to_transaction(movement, name, found, other if isinstance(other, Place) else None))
            except UnreadableError as error:
                self._reject_row(node, error, index, [found.place_id])
        return rows

    def _ends_of_unreadable(self, node: Any) -> list[str | None]:
        """Return the places that lose a row by a movement that cannot be read; one that nobody knows when none is."""
        if not isinstance(node, Mapping):
            return [None, None]
        found: list[str | None] = []
        for name in ("source", "destination"):
            end = cast("JsonObject", node).get(name)
            place_id = cast("JsonObject", end).get("id") if isinstance(end, Mapping) else None
            if isinstance(place_id, str) and place_id in self.places:
                found.append(place_id)
            elif end is not None and not isinstance(end, Mapping):
                found.append(None)
        return found or [None]

    def _reject_row(self, node: Any, error: UnreadableError, index: int, places: Sequence[str | None]) -> None:
        self.rejected.extend(
            rejected(
                RecordKind.TRANSACTION,
                node,
                error,
                member="transferReferences.edges",
                index=index,
                provider_account_id=place_id,
            )
            for place_id in places
        )

    def _note_gone(self, end: JsonObject | None) -> None:
        if not is_gone(end) or self._lost:
            return  # an account that could not be read stands for its rows
        message = "Movements of places that Sequence does not list any more, such as deleted pods, are left out there."
        for position, warning in enumerate(self.warnings):
            if warning.code == "place_gone":
                self.warnings[position] = replace(warning, count=warning.count + 1)
                return
        self.warnings.append(DataWarning(code="place_gone", message=message, field="transferReferences"))


def _connection(data: JsonObject) -> JsonObject:
    organization = data.get("organization")
    connection = (
        cast("JsonObject", organization).get("transferReferences") if isinstance(organization, Mapping) else None
    )
    if not isinstance(connection, Mapping):
        raise invalid_answer()
    return cast("JsonObject", connection)


def _list(holder: JsonObject, name: str) -> list[object]:
    found = holder.get(name)
    if not isinstance(found, list):
        raise invalid_answer()
    return cast("list[object]", found)


def _listed(holder: JsonObject, name: str) -> list[Any]:
    found = holder.get(name)
    if not isinstance(found, list):
        raise UnreadableError(_why(found), f"organization.{name}")
    return cast("list[Any]", found)


def _kyc_ids(organization: JsonObject) -> tuple[str, ...]:
    """Return on whose behalf money moves; nothing when it is not told, which only a transfer minds."""
    found = organization.get("kycs")
    listed = cast("list[object]", found) if isinstance(found, list) else []
    ids = (cast("JsonObject", one).get("id") for one in listed if isinstance(one, Mapping))
    return tuple(one for one in ids if isinstance(one, str) and one)


def _why(value: object) -> RejectReason:
    return RejectReason.MISSING_FIELD if value is None else RejectReason.INCONSISTENT
