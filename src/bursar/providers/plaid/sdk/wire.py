"""What does every answer of Plaid's have?"""

from bursar.transport.rows import RowsAnswer


class Answer(RowsAnswer, frozen=True, kw_only=True, gc=False):
    """The base of every answer; each one has a `request_id`, which Plaid's support asks for."""

    request_id: str
