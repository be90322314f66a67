"""Which seeds have found a fault of ours once? They run with the tests, so that it stays mended."""

from collections.abc import Mapping

from bursar.converge.plan import EVERY_FAULT, Limits

_THEN = ("neutral_feed", "neutral_list", "neutral_window", "ofx", "plaid")
"""Who took part when these were found: a provider that joins later would change what everybody in a seed does."""

_MADE = EVERY_FAULT - {"E3"}
"""Faults that were added since would change what goes over the wire."""

_ALL = Limits(faults=_MADE, channels=_THEN)
_WITH_WEALTH = Limits(faults=_MADE, channels=("flanks", *_THEN, "sequence"))
_WITH_BANKS = Limits(channels=("finicity", "flanks", "mx", *_THEN, "sequence", "teller"))

REGRESSIONS: Mapping[str, tuple[int, Limits]] = {
    "two tellers of one account's figures": (213, _ALL),
    "two tellers of one account's positions": (202, _ALL),
    "a balance stated by a file and by an API": (227, _ALL),
    "a balance of a file, and an API's of the same day": (248, _ALL),
    "rows and balances of one reading, milliseconds apart": (24, Limits(faults=frozenset(), channels=_THEN)),
    "trades that are listed late": (18, Limits(faults=frozenset({"A11", "D5"}), channels=("plaid",))),
    "trades that are taken back": (28, Limits(faults=frozenset({"A8", "A11", "A12"}), channels=("plaid",))),
    "rows of an account that is away": (309, _ALL),
    "a row that moved before another provider came": (225, _ALL),
    "new ids in every file": (147, Limits(channels=("ofx",))),
    "no ids, and other words": (62, Limits(channels=("ofx",))),
    "one id for a month, and other words": (174, Limits(channels=("ofx",))),
    "a row that came back": (14, Limits(faults=frozenset({"A6", "A9", "A10", "A12", "D1"}), channels=("plaid",))),
    "an account of a connection that others have read, too": (10139, _WITH_WEALTH),
    "an announced row beside what it has become": (10329, _WITH_WEALTH),
    "new ids for an account that is no longer listed": (10027, _WITH_WEALTH),
    "undated and dated balances of one day": (10020, _WITH_WEALTH),
    "one of two equal rows is gone, and a third source has ended": (1647, Limits(channels=("flanks",))),
    "new ids while a row cannot be read, and the access ends": (748, Limits(channels=("flanks",))),
    "a row that a living source took back while an ended one held it": (1114, Limits(channels=("flanks",))),
    "equal rows that two sources have the other way round": (1426, Limits(channels=("flanks",))),
    "equal rows of a file, of which others have seen one move": (40072, _WITH_BANKS),
    "a row that an ended source has told otherwise than the file before": (40208, _WITH_BANKS),
    "an id that has moved to an equal row": (40227, _WITH_BANKS),
    "a webhook sent again before its key may be asked for": (294, Limits(channels=("plaid",))),
    "a row of an account that is away, in a run whose later steps succeed": (338, Limits(channels=("plaid",))),
    "equal rows of which one changes, told by sources that repeat nothing": (225, Limits(channels=("plaid",))),
    "a third row where one of two equal ones has moved": (1584, Limits(channels=("plaid",))),
    "an announced row that posts where an ended source has told it": (1169, Limits(channels=("plaid",))),
    "a login whose only account is away while it is connected": (1149, Limits(channels=("finicity",))),
}
