"""Where does a login stand, and what can MX be asked to do with it?"""

from collections.abc import Mapping
from types import MappingProxyType

from bursar.providers.mx.sdk.arguments import Place, user_place
from bursar.providers.mx.sdk.errors import MXConflictError, MXJobTimeoutError
from bursar.providers.mx.sdk.models.members import (
    Challenge,
    ChallengesPage,
    Member,
    MemberAnswer,
    MembersPage,
    MemberStatus,
    MemberStatusAnswer,
)
from bursar.providers.mx.sdk.session import MXSession, choose
from bursar.providers.mx.sdk.wire import Rows

JOBS: Mapping[str, str] = MappingProxyType(
    {
        "aggregate": "/aggregate",
        "check_balance": "/check_balance",
        "identify": "/identify",
        "verify": "/verify",
        "extend_history": "/extend_history",
        "fetch_statements": "/fetch_statements",
    }
)
"""Everything that MX does at an institution on demand."""

JOB_PATIENCE_S = 300.0
_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 30.0


class MemberCalls(MXSession):
    """Members and their jobs.

    A member is made by the user on the page of a widget: there is no call here that takes a password.
    """

    async def list_members(self, user: str) -> Rows[Member]:
        """Return every login of a user."""
        return await self._read_all(user_place(user).at("/members"), MembersPage, {})

    async def get_member(self, user: str, member: str) -> Member:
        """Return a login.

        Raises:
            MXNotFoundError: the user has no such member (any more).
        """
        return (await self._get(user_place(user, member=member), MemberAnswer)).member

    async def get_member_status(self, user: str, member: str) -> MemberStatus:
        """Return where a login stands; cheap, and asks nobody but MX."""
        return (await self._get(user_place(user, member=member).at("/status"), MemberStatusAnswer)).member

    async def delete_member(self, user: str, member: str) -> None:
        """Delete a login with everything that was read through it.

        Raises:
            MXNotFoundError: it is gone already.
        """
        await self._send("DELETE", user_place(user, member=member))

    async def list_challenges(self, user: str, member: str) -> Rows[Challenge]:
        """Return what the institution asks the user now; none is an empty list."""
        place = user_place(user, member=member).at("/challenges")
        response = await self._send("GET", place)
        if response.status == 204:
            return Rows()
        return await self._read_all(place, ChallengesPage, {})

    async def resume_member(self, user: str, member: str, answers: Mapping[str, str]) -> Member:
        """Answer challenges, by guid; sent once, because an answer is good for one use."""
        place = user_place(user, member=member).at("/resume")
        told = Place(place.path, place.names | frozenset(answers.values()))
        challenges = [{"guid": guid, "value": value} for guid, value in answers.items()]
        response = await self._send("PUT", told, body={"member": {"challenges": challenges}}, idempotent=False)
        return self._http.decode(response, MemberAnswer).member

    async def start_job(self, user: str, member: str, job: str) -> Member:
        """Ask MX to do a job; it is not done when this returns.

        MX answers in the same way when it does nothing, because the same job is running or ran a short while ago (about
        three hours for `aggregate`).

        Raises:
            MXConflictError: another job of the member is running: `run_job` waits for it.
        """
        place = user_place(user, member=member).at(choose(JOBS, job, "the job"))
        # What a second request does is written above: nothing.
        response = await self._send("POST", place, idempotent=True)
        return self._http.decode(response, MemberAnswer).member

    async def wait_until_done(self, user: str, member: str, *, timeout_s: float = JOB_PATIENCE_S) -> MemberStatus:
        """Wait until no job of a member is running, and return where it stands then.

        Asks at once, after 2 s, and then less and less often. Look at the status before the data: the login may
        need its user (`needs_user`).

        Raises:
            MXJobTimeoutError: a job is still running; it goes on.
        """
        started, pause_s = self._timing.monotonic(), _FIRST_PAUSE_S
        slept_s = 0.0
        while True:
            status = await self.get_member_status(user, member)
            if not status.is_being_aggregated or status.needs_user:
                return status
            # Time that stands still, as in a test, must not make this wait for ever.
            if max(self._timing.monotonic() - started, slept_s) + pause_s > timeout_s:
                raise MXJobTimeoutError("the job is not done yet", status=200)
            await self._timing.sleep(pause_s)
            slept_s += pause_s
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)

    async def run_job(self, user: str, member: str, job: str, *, timeout_s: float = JOB_PATIENCE_S) -> MemberStatus:
        """Start a job, after another one that may be running, and wait until it is done.

        Raises:
            MXJobTimeoutError: not within the time.
            MXConflictError: another job began each time that one ended.
        """
        for is_last in (False, False, True):
            try:
                await self.start_job(user, member, job)
            except MXConflictError:
                if is_last:
                    raise
                await self.wait_until_done(user, member, timeout_s=timeout_s)
            else:
                break
        return await self.wait_until_done(user, member, timeout_s=timeout_s)
