"""Where does a developer start with Sequence in asynchronous code?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar

from bursar.providers.sequence.sdk import config, operations
from bursar.providers.sequence.sdk.exceptions import TransferIntent, TransferOutcomeUnknownError, TransportError
from bursar.providers.sequence.sdk.models import AllAccounts
from bursar.providers.sequence.sdk.operations import Operation, OperationRunner
from bursar.providers.sequence.sdk.reconciliation import MAX_PAGES, PAGE_SIZE, LogReading, Reconciliation
from bursar.providers.sequence.sdk.runner import GraphQLRunner, Pace, TokenProvider, check_seconds
from bursar.transport.impersonation import DEFAULT_PROFILE, BrowserSession
from bursar.transport.timing import SYSTEM_TIMING, Timing

T = TypeVar("T")


class AsyncSequenceClient:
    """Reads and moves the money of one login, as the web application does. Belongs to one event loop.

    Requests leave one at a time, 1.5 s to 3.5 s apart, whoever sends them. Every method raises `SequenceError` or one
    of its kinds; `TokenExpiredError` when the token is refused.

    Args:
        access_token: of a login; used unless there is a provider.
        token_provider: called before every request, in a thread; `get_access_token` is one. When Sequence refuses a
            token, the cached one is dropped and the provider asked once more.
        app_url: another origin than `SEQUENCE_APP_URL` or the real one; https, or http on this machine.
        profile: the browser to look like, as curl_cffi names it; by default the newest Chrome it knows.
        timeout_s: for one request.
        pace: between requests; by default 1.5 s, and up to 2 s more.
        runner: carries operations out instead of the GraphQL endpoint; it then also cares for tokens and pace.
        timing: clock, sleep and dice.

    Raises:
        ConfigurationError: the origin is no such address.
        ValueError: another argument makes no sense.
    """

    _MIN_DELAY = 1.5
    _MAX_JITTER = 2.0

    def __init__(
        self,
        access_token: str,
        token_provider: TokenProvider | None = None,
        *,
        app_url: str | None = None,
        profile: str = DEFAULT_PROFILE,
        timeout_s: float = 30.0,
        pace: Pace | None = None,
        runner: OperationRunner | None = None,
        timing: Timing = SYSTEM_TIMING,
    ) -> None:
        origin = config.app_url() if app_url is None else config.checked_origin(app_url, "app_url")
        check_seconds(timeout_s, "timeout_s", more_than_zero=True)
        if token_provider is not None and not callable(token_provider):  # pyright: ignore[reportUnnecessaryComparison] - callers without types
            raise ValueError("token_provider must be callable without arguments")
        self._timing = timing
        self._runner: OperationRunner = runner or GraphQLRunner(
            access_token,
            token_provider,
            origin=origin,
            session=BrowserSession(profile, timeout_s=timeout_s),
            pace=pace or Pace(self._MIN_DELAY, self._MAX_JITTER),
            timing=timing,
        )

    async def get_pods(self) -> list[dict[str, Any]]:
        """Every pod: `id`, `name`, `organization_id`, `balance_cents` (US cents), `balance` (`$1,500.00`).

        A balance that Sequence does not tell is 0 here; `read_accounts` tells the difference.
        """
        return await self._runner.run(operations.pods())

    async def get_total_balance(self) -> dict[str, Any]:
        """The sum over all pods: `total_balance_cents`, `total_balance`, `pod_count`; no ports, no accounts."""
        return await self._runner.run(operations.total_balance())

    async def get_pod_balance(self, pod_name: str) -> dict[str, Any] | None:
        """One pod by name, ignoring case: the first of that name, else the only one that contains it, else None.

        Names need not be unique: code that moves money takes ids.

        Raises:
            ValueError: the name is no text; nothing was sent.
        """
        return await self._runner.run(operations.pod_named(pod_name))

    async def get_pod_detail(self, organization_id: str, pod_id: str) -> dict[str, Any]:
        """One pod as Sequence sends it, in camelCase, with its last five transfers in New York time.

        `bankAccountNumber` and `routingNumber` are texts whose `repr` is masked.

        Raises:
            NotFoundError: there is no such organization or pod for this login.
        """
        return await self._runner.run(operations.pod_detail(organization_id, pod_id))

    async def transfer(
        self,
        kyc_id: str,
        source_id: str,
        destination_id: str,
        amount_cents: int,
        source_type: str = "POD",
        destination_type: str = "POD",
        description: str = "",
        instant: bool = False,
    ) -> dict[str, Any]:
        """Move money, once. Prefer `GuardedTransfers`, which keeps limits and a record.

        Args:
            kyc_id: the person or business on whose behalf the money moves.
            source_id: of the pod, port or account that gives.
            destination_id: of the one that receives.
            amount_cents: US cents, from 1 to 2,147,483,647; Sequence asks for at least 100.
            source_type: `POD`, `PORT` or `ACCOUNT`.
            destination_type: as `source_type`.
            description: for the ACH record.
            instant: whether to ask for an instant transfer.

        Returns:
            The organization with the balances after the transfer. Sequence names no transfer id here.

        Raises:
            ValueError: an argument is wrong; nothing was sent.
            TransferError: Sequence refused; no money moved.
            TransferOutcomeUnknownError: it may have happened: ask `reconcile_transfer`, never send it again blindly.
            SequenceError: anything else; nothing was carried out.
        """
        operation = operations.transfer(
            kyc_id, source_id, destination_id, amount_cents, source_type, destination_type, description, instant
        )
        called_at = self._timing.now()
        try:
            return await self._runner.run(operation)
        except TransferOutcomeUnknownError as error:
            error.intent = TransferIntent(source_id, destination_id, amount_cents, error.sent_at or called_at)
            raise

    async def reconcile_transfer(self, org_id: str, intent: TransferIntent) -> Reconciliation:
        """Look into the activity log whether a transfer happened.

        Args:
            org_id: the organization that gives or receives.
            intent: of `TransferOutcomeUnknownError`, or made by hand.

        Returns:
            `happened` with the transfer, `did_not_happen`, or `cannot_tell`: then look again, or ask a person.
        """
        return (await self._read_log(org_id, intent)).conclude(self._timing.now())

    async def find_made_transfer(self, org_id: str, intent: TransferIntent) -> dict[str, Any] | None:
        """Find a transfer that was surely made in the activity log, because Sequence does not name it when it is made.

        Returns:
            The transfer as `get_activity` has it, or None when no row fits amount, ends and time, or several do.
        """
        return (await self._read_log(org_id, intent)).made()

    async def _read_log(self, org_id: str, intent: TransferIntent) -> LogReading:
        reading = LogReading(intent)
        after = ""
        for _ in range(MAX_PAGES):
            page = await self.get_activity(org_id, PAGE_SIZE, after)
            after = page["page_info"]["end_cursor"]
            if not reading.take(page) or not after:
                break
        return reading

    async def get_activity_summary(self) -> dict[str, Any]:
        """The current month: `transfer_count`, `rule_executions`, `total_incoming_cents`, `total_incoming`."""
        return await self._runner.run(operations.activity_summary())

    async def get_activity(
        self,
        org_id: str,
        first: int = 10,
        after: str = "",
        date_start: date | str | None = None,
        date_end: date | str | None = None,
        statuses: Sequence[str] | None = None,
        directions: Sequence[str] | None = None,
        activity_types: Sequence[str] | None = None,
        hide_internal: bool = False,
        name: str = "",
    ) -> dict[str, Any]:
        """One page of the activity log, newest first: `transfers` and `page_info` (`end_cursor`, `has_next_page`).

        Args:
            org_id: the organization.
            first: size of the page, a whole number from 1 to 100.
            after: the cursor of the page before; empty for the first page.
            date_start: ISO 8601, or a date; a date is a whole day in New York, included.
            date_end: as `date_start`.
            statuses: of `TransferStatus`, any of them.
            directions: of `Direction`.
            activity_types: of `ActivityType`.
            hide_internal: leave out what moved between pods and ports.
            name: a part of the name of either end.

        Raises:
            ValueError: an argument is wrong; nothing was sent.
        """
        return await self._runner.run(
            operations.activity(
                org_id,
                first,
                after,
                date_start,
                date_end,
                statuses,
                directions,
                activity_types,
                hide_internal,
                name,
            )
        )

    async def iter_activity(self, org_id: str, **filters: Any) -> AsyncIterator[dict[str, Any]]:
        """Every transfer of the activity log, newest first, page after page.

        Args:
            org_id: the organization.
            filters: as for `get_activity`; `first` is the size of a page, 100 if not given.

        Raises:
            TransportError: Sequence names the same page twice.
        """
        asked: dict[str, Any] = {"first": 100, **filters}
        seen = {asked.get("after", "")}
        while True:
            page = await self.get_activity(org_id, **asked)
            for transfer in page["transfers"]:
                yield transfer
            if not page["page_info"]["has_next_page"]:
                return
            asked["after"] = page["page_info"]["end_cursor"]
            if asked["after"] in seen:
                raise TransportError("Sequence named the same page of the activity log twice")
            seen.add(asked["after"])

    async def get_transfer_detail(self, org_id: str, transfer_id: str) -> dict[str, Any]:
        """One transfer as in `get_activity`, plus `details` (its legs) and `rule`, where there are any.

        Raises:
            NotFoundError: there is no such organization or transfer for this login.
        """
        return await self._runner.run(operations.transfer_detail(org_id, transfer_id))

    async def get_all_accounts(self, org_id: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """`pods`, `ports` and external `accounts`, of one organization or of all; an unknown one has none.

        A balance that Sequence does not tell is 0 here; `read_accounts` tells the difference.
        """
        return await self._runner.run(operations.all_accounts(org_id))

    async def read_accounts(self, org_id: str | None = None) -> AllAccounts:
        """As `get_all_accounts`, typed, with None for a balance that is not known."""
        return await self._runner.run(operations.typed_accounts(org_id))

    async def execute(
        self, query: str, variables: Mapping[str, Any] | None = None, operation_name: str | None = None
    ) -> dict[str, Any]:
        """Send any GraphQL document and return its `data`. For money use `transfer`: here an end can stay unclear."""
        return await self._runner.run(operations.anything(query, variables, operation_name))

    async def run(self, operation: Operation[T]) -> T:
        """Carry out an operation of your own."""
        return await self._runner.run(operation)

    async def close(self) -> None:
        """Close every connection; calling it again does nothing, any other call afterwards is a `SequenceError`."""
        await self._runner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
