"""What happens in the demo, step by step? (As a client of the HTTP API would do it.)."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bursar.cli import simulator
from bursar.cli.session import CommandError

if TYPE_CHECKING:
    from bursar.bootstrap import Platform

PROVIDER = "plaid"
INSTITUTION = "ins_109508"
CONTROL_TOKEN = "demo"  # noqa: S105 - of a world that lives as long as the demo
OTHER_BANK_ACCOUNT = "quiet-goldcoast-checking"
CARD = "hudson-first-river-credit-card"
HISTORY_DAYS = 730
_WAIT_S = 25
_ATTEMPTS = 3
_ENDED = frozenset({"succeeded", "partial"})


@dataclass
class Steps:
    """Which step is going on, and how long each took; told on standard error while it happens."""

    current: str = "start"
    took: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    _began: float = field(default_factory=time.monotonic)

    def begin(self, what: str) -> None:
        """Begin a step."""
        self.current = what
        self._began = time.monotonic()

    def end(self) -> None:
        """End the step that goes on."""
        elapsed_s = time.monotonic() - self._began
        self.took.append((self.current, elapsed_s))
        sys.stderr.write(f"  {elapsed_s:5.1f} s  {self.current}\n")
        sys.stderr.flush()

    @contextmanager
    def step(self, what: str) -> Generator[None]:
        """Count a block as a step; one that fails stays the current one."""
        self.begin(what)
        yield
        self.end()


@dataclass(kw_only=True)
class Stage:
    """Where everything is that the demo has started."""

    platform: "Platform"
    tenant_id: UUID
    address: str
    token: str = field(repr=False)
    sandbox_address: str
    today: date


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the HTTP API answered on the way: two runs and an import."""

    first: Any
    imported: Any
    second: Any


async def play(stage: Stage, steps: Steps) -> Told:
    """Play the story; what came of it is in the ledger."""
    from bursar.transport.auth import HeaderAuth
    from bursar.transport.client import HttpClient
    from bursar.transport.redaction import Secret

    auth = HeaderAuth({"Authorization": Secret(f"Bearer {stage.token}")})
    async with HttpClient(f"{stage.address}/api/v1", name="demo", auth=auth) as client:
        api = Api(client)
        with steps.step("connect a bank through Plaid (simulated), over the HTTP API"):
            supper = await _spend_in_a_restaurant(stage)
            connection_id = await _connect(stage, api)
        with steps.step("the worker reads 24 months"):
            first = await api.finished_run(connection_id)
        with steps.step("import a QFX file of another bank"):
            imported = await _import_statement(stage, api)
        with steps.step("let a week pass at the banks"):
            await _let_a_week_pass(stage, supper)
        with steps.step("the worker reads what has changed"):
            started = await api.post(f"/connections/{connection_id}/syncs", {})
            second = await api.finished_run(connection_id, started["id"])
    return Told(first=first, imported=imported, second=second)


class Api:
    """The HTTP API, as a program outside uses it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def get(self, path: str, **params: str) -> Any:
        """Return what is at an address."""
        response = await self._client.send("GET", path, params=params, read_timeout_s=_WAIT_S + 10)
        return self._client.decode(response, dict[str, Any])["data"]

    async def post(self, path: str, body: object) -> Any:
        """Send a body and return the answer."""
        response = await self._client.send("POST", path, json_body=body)
        return self._client.decode(response, dict[str, Any])["data"]

    async def upload(self, path: str, name: str, content: bytes) -> Any:
        """Send a file as a browser's form does, and return the answer."""
        edge = "bursar-demo-form"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        form = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={edge}"}
        response = await self._client.send("POST", path, content=form, headers=headers)
        return self._client.decode(response, dict[str, Any])["data"]

    async def finished_run(self, connection_id: str, run_id: str | None = None) -> Any:
        """Return a run of a connection, by default the newest, when it has ended.

        Raises:
            CommandError: it did not end well.
        """
        chosen = run_id or (await self.get(f"/connections/{connection_id}/syncs"))[0]["id"]
        run: Any = None
        for _ in range(_ATTEMPTS):
            run = await self.get(f"/syncs/{chosen}", wait=str(_WAIT_S))
            if run["status"] in _ENDED:
                return run
            if run["status"] not in {"queued", "running"}:
                break
        problem = run["error"]["message"] if run["error"] else "It did not end in time."
        raise CommandError(f"The reading ended as {run['status']}. {problem}")


async def _control(stage: Stage, method: str, path: str, body: object = None) -> dict[str, Any]:
    return await simulator.call(stage.sandbox_address, CONTROL_TOKEN, method, f"/control{path}", body)


async def _connect(stage: Stage, api: Api) -> str:
    begun = await api.post("/connections", {"provider": PROVIDER, "alias": "My bank"})
    link = begun["connect"]
    values = await simulator.play_user(
        stage.sandbox_address,
        CONTROL_TOKEN,
        PROVIDER,
        link_token=link["link_token"],
        needs=link["needs"],
        institution=INSTITUTION,
    )
    connected = await api.post("/connections", {"connection_id": begun["id"], "values": values})
    return str(connected["id"])


async def _import_statement(stage: Stage, api: Api) -> Any:
    start = stage.today - timedelta(days=HISTORY_DAYS)
    content = await simulator.download(
        stage.sandbox_address,
        CONTROL_TOKEN,
        f"/control/accounts/{OTHER_BANK_ACCOUNT}/statement",
        {"format": "qfx", "from": start.isoformat(), "to": stage.today.isoformat()},
    )
    return await api.upload("/imports", "gold-coast.qfx", content)


async def _spend_in_a_restaurant(stage: Stage) -> str:
    """Pay a supper by card: the bank lists it as pending, without the tip."""
    event = {"action": "add_pending", "account_id": CARD, "amount": "-48.20", "description": "CORNER BISTRO"}
    return str((await _control(stage, "POST", "/events", event))["world_id"])


async def _let_a_week_pass(stage: Stage, supper: str) -> None:
    """Let the bank post the supper with its tip, take a row back, correct another, and live on."""
    truth = await _control(stage, "GET", f"/accounts/{CARD}/truth")
    settled = [row for row in truth["rows"] if row["state"] == "settled"]
    withdrawn, corrected = settled[-1], settled[-2]
    await _control(stage, "POST", "/clock", {"days": 2})
    await _control(stage, "POST", "/events", {"action": "post", "world_id": supper, "amount": "-57.84"})
    await _control(stage, "POST", "/events", {"action": "remove", "world_id": withdrawn["world_id"]})
    amount = f"{Decimal(corrected['amount']) - Decimal('1.10')}"
    await _control(stage, "POST", "/events", {"action": "modify", "world_id": corrected["world_id"], "amount": amount})
    await _control(stage, "POST", "/clock", {"days": 5})
