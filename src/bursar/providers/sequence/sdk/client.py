"""Where does a developer start with Sequence?"""

import os
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar

from bursar.providers.sequence.sdk.async_client import AsyncSequenceClient
from bursar.providers.sequence.sdk.exceptions import SequenceError, TransferIntent
from bursar.providers.sequence.sdk.models import AllAccounts
from bursar.providers.sequence.sdk.operations import OperationRunner
from bursar.providers.sequence.sdk.reconciliation import Reconciliation
from bursar.providers.sequence.sdk.runner import Pace, TokenProvider
from bursar.transport.impersonation import DEFAULT_PROFILE
from bursar.transport.portal import LoopThread
from bursar.transport.timing import SYSTEM_TIMING, Timing

T = TypeVar("T")


class SequenceClient:
    """`AsyncSequenceClient` for blocking code: the same arguments, methods, results and errors.

    Any number of threads may share one; their requests leave one at a time, 1.5 s to 3.5 s apart. A process that was
    forked needs a client of its own.
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
        self._calls = AsyncSequenceClient(
            access_token,
            token_provider,
            app_url=app_url,
            profile=profile,
            timeout_s=timeout_s,
            pace=pace or Pace(self._MIN_DELAY, self._MAX_JITTER),
            runner=runner,
            timing=timing,
        )
        self._loop = LoopThread("sequence")
        self._process = os.getpid()

    def get_pods(self) -> list[dict[str, Any]]:
        """See `AsyncSequenceClient.get_pods`."""
        return self._run(self._calls.get_pods())

    def get_total_balance(self) -> dict[str, Any]:
        """See `AsyncSequenceClient.get_total_balance`."""
        return self._run(self._calls.get_total_balance())

    def get_pod_balance(self, pod_name: str) -> dict[str, Any] | None:
        """See `AsyncSequenceClient.get_pod_balance`."""
        return self._run(self._calls.get_pod_balance(pod_name))

    def get_pod_detail(self, organization_id: str, pod_id: str) -> dict[str, Any]:
        """See `AsyncSequenceClient.get_pod_detail`."""
        return self._run(self._calls.get_pod_detail(organization_id, pod_id))

    def transfer(
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
        """See `AsyncSequenceClient.transfer`."""
        return self._run(
            self._calls.transfer(
                kyc_id, source_id, destination_id, amount_cents, source_type, destination_type, description, instant
            )
        )

    def reconcile_transfer(self, org_id: str, intent: TransferIntent) -> Reconciliation:
        """See `AsyncSequenceClient.reconcile_transfer`."""
        return self._run(self._calls.reconcile_transfer(org_id, intent))

    def find_made_transfer(self, org_id: str, intent: TransferIntent) -> dict[str, Any] | None:
        """See `AsyncSequenceClient.find_made_transfer`."""
        return self._run(self._calls.find_made_transfer(org_id, intent))

    def get_activity_summary(self) -> dict[str, Any]:
        """See `AsyncSequenceClient.get_activity_summary`."""
        return self._run(self._calls.get_activity_summary())

    def get_activity(
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
        """See `AsyncSequenceClient.get_activity`."""
        return self._run(
            self._calls.get_activity(
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

    def iter_activity(self, org_id: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """See `AsyncSequenceClient.iter_activity`."""
        self._check()
        return self._loop.iterate(self._calls.iter_activity(org_id, **filters))

    def get_transfer_detail(self, org_id: str, transfer_id: str) -> dict[str, Any]:
        """See `AsyncSequenceClient.get_transfer_detail`."""
        return self._run(self._calls.get_transfer_detail(org_id, transfer_id))

    def get_all_accounts(self, org_id: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """See `AsyncSequenceClient.get_all_accounts`."""
        return self._run(self._calls.get_all_accounts(org_id))

    def read_accounts(self, org_id: str | None = None) -> AllAccounts:
        """See `AsyncSequenceClient.read_accounts`."""
        return self._run(self._calls.read_accounts(org_id))

    def execute(
        self, query: str, variables: Mapping[str, Any] | None = None, operation_name: str | None = None
    ) -> dict[str, Any]:
        """See `AsyncSequenceClient.execute`."""
        return self._run(self._calls.execute(query, variables, operation_name))

    def close(self) -> None:
        """Close every connection; calling it again does nothing, any other call afterwards is a `SequenceError`."""
        if self._loop.is_closed or self._process != os.getpid():
            return
        with suppress(RuntimeError):  # closed by another thread meanwhile
            self._loop.run(self._calls.close())
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _check(self) -> None:
        if self._process != os.getpid():
            raise SequenceError("this client belongs to the process that was forked; make a new one")
        if self._loop.is_closed:
            raise SequenceError("this client was closed; make a new one")

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            self._check()
        except SequenceError:
            call.close()
            raise
        return self._loop.run(call)
