"""What did a face answer, what has it answered before, and how can that be spoiled?"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any, TypeVar, cast

import msgspec

from bursar.sandbox.faces import Message, Scope, Send
from bursar.sandbox.faults import Fault, FaultKind

Header = tuple[bytes, bytes]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

_KEPT_QUESTIONS = 300
_SAME_LISTING = timedelta(minutes=30)
# Numbers keep their digits: no float on the way.
_DECODER = msgspec.json.Decoder(Any, float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Answer:
    """An answer on its way out: noted, or held back."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = b""
        self._headers: list[Header] = []

    @classmethod
    def of(cls, status: int, content_type: bytes, body: bytes, extra: Sequence[Header] = ()) -> "Answer":
        """An answer that no face gave."""
        answer = cls()
        answer.status, answer.body = status, body
        answer._headers = [(b"content-type", content_type), *extra]
        return answer

    def noting(self, send: Send) -> Send:
        """A `send` that passes everything on and notes the status."""

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = int(message["status"])
            await send(message)

        return note

    async def collect(self, message: Message) -> None:
        """A `send` that keeps everything back."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            self._headers = [(bytes(name).lower(), bytes(value)) for name, value in message["headers"]]
        else:
            self.body += bytes(message.get("body", b""))

    async def replay(self, send: Send, *, keep: int | None = None, announced: int | None = None) -> None:
        """Sends it; with `keep` only so many bytes of the body, and no end of it."""
        headers = [pair for pair in self._headers if pair[0] != b"content-length"]
        length = len(self.body) if announced is None else announced
        headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body[:keep], "more_body": keep is not None})

    def copy(self) -> "Answer":
        """The same answer, which keeps when this one is spoiled."""
        answer = Answer()
        answer.status, answer.body, answer._headers = self.status, self.body, list(self._headers)
        return answer

    def compress(self) -> None:
        """Turns the body into gzip, with the header that says so."""
        self.body = gzip.compress(self.body, mtime=0)
        self._headers = [pair for pair in self._headers if pair[0] != b"content-encoding"]
        self._headers.append((b"content-encoding", b"gzip"))

    def reorder(self) -> bool:
        """Turns the longest list of objects around; False when there is none of two or more."""
        try:
            told: object = _DECODER.decode(self.body)
        except msgspec.DecodeError:
            return False
        lists = _lists_of(told)
        if max(map(len, lists), default=0) < 2:
            return False
        max(lists, key=len).reverse()
        self.body = _ENCODER.encode(told)
        return True


def _lists_of(told: object) -> list[list[object]]:
    """Every list of objects in a JSON value, outermost first."""
    if isinstance(told, dict):
        members = cast("dict[str, object]", told).values()
        return [found for member in members for found in _lists_of(member)]
    if not isinstance(told, list):
        return []
    items = cast("list[object]", told)
    own = [items] if all(isinstance(item, dict) for item in items) else []
    return own + [found for item in items for found in _lists_of(item)]


@dataclass(frozen=True, slots=True)
class Question:
    """All of a request that its answer can depend on."""

    place: tuple[str, str, bytes]
    """Method, path and credentials: the same for all pages of a listing."""
    parameters: tuple[bytes, bytes]
    """Query and body."""

    @classmethod
    def of(cls, scope: Scope, body: bytes) -> "Question":
        """The question that a request asks."""
        authorization = next((value for name, value in scope["headers"] if name.lower() == b"authorization"), b"")
        place = (str(scope["method"]), str(scope["path"]), bytes(authorization))
        return cls(place, (bytes(scope.get("query_string", b"")), body))


class Memory:
    """The newest answers of a face, as a replica that lags or a confused cache would have them."""

    def __init__(self) -> None:
        self._answers: dict[Question, list[tuple[datetime, Answer]]] = {}
        self._newest: dict[tuple[str, str, bytes], tuple[Question, datetime, Answer]] = {}

    def keep(self, question: Question, answer: Answer, now: datetime) -> None:
        """Remembers an answer as it is now."""
        kept = answer.copy()
        told = [pair for pair in self._answers.pop(question, []) if pair[0] < now][-1:]
        self._answers[question] = [*told, (now, kept)]
        self._newest.pop(question.place, None)
        self._newest[question.place] = (question, now, kept)
        _forget_oldest(self._answers)
        _forget_oldest(self._newest)

    def lacking(self, question: Question, now: datetime) -> frozenset[FaultKind]:
        """The faults that nothing is remembered for."""
        stale = self._older(question, now)
        page = self._page_before(question, now)
        return frozenset(
            kind for kind, answer in ((FaultKind.STALE, stale), (FaultKind.REPEATED_PAGE, page)) if answer is None
        )

    def recall(self, kind: FaultKind, question: Question, now: datetime) -> Answer:
        """The answer to give again; raises `LookupError` for a fault that is lacking."""
        answer = self._older(question, now) if kind is FaultKind.STALE else self._page_before(question, now)
        if answer is None:
            raise LookupError(kind)
        return answer

    def _older(self, question: Question, now: datetime) -> Answer | None:
        return next((answer for at, answer in self._answers.get(question, ()) if at < now), None)

    def _page_before(self, question: Question, now: datetime) -> Answer | None:
        before, at, answer = self._newest.get(question.place, (question, now, None))
        return answer if before != question and now - at <= _SAME_LISTING else None


def _forget_oldest(store: dict[_Key, _Value]) -> None:
    if len(store) > _KEPT_QUESTIONS:
        del store[next(iter(store))]


def retry_after(fault: Fault, now: datetime) -> list[Header]:
    """The header that says when to come back, in the notation that the fault asks for; none when it has no word."""
    text = fault.retry_after
    if text is None and fault.retry_after_s is not None:
        text = str(fault.retry_after_s)
        if fault.retry_after_as_date:
            text = format_datetime(now + timedelta(seconds=fault.retry_after_s), usegmt=True)
    return [] if text is None else [(b"retry-after", text.encode("latin-1"))]
