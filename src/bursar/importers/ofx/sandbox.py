"""What would a simulated bank put into an OFX or QFX statement file?

A witness for the reader: it imports `bursar.sandbox` and nothing else of this project. Both dialects give a row one
FITID for ever, whatever happens to it, unless the world's view says otherwise: B3 (an account whose FITIDs are new in
every file), B5 (all rows of a month that it hits share one), B6 (none, blank or zero). Without shares of faults
nothing else of the view is seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from xml.sax.saxutils import escape

from bursar.sandbox.investing import Position
from bursar.sandbox.ledger import Purpose, Row, Truth
from bursar.sandbox.market import SECURITIES, SecurityKind
from bursar.sandbox.people import Account, AccountKind
from bursar.sandbox.world import World

_NAME_LENGTH = 32
_FITID_LENGTH = 24
_INTU_BID = {"first_river": "90001", "goldcoast": "90002", "thameside": "90003", "spreebank": "90004"}
_BANK_TYPES = {AccountKind.CHECKING: "CHECKING", AccountKind.SAVINGS: "SAVINGS", AccountKind.LOAN: "CREDITLINE"}
_ROW_TYPES = {
    Purpose.SALARY: "DIRECTDEP",
    Purpose.RENT: "REPEATPMT",
    Purpose.UTILITIES: "PAYMENT",
    Purpose.CASH: "ATM",
    Purpose.CARD_PAYMENT: "PAYMENT",
    Purpose.LOAN_PAYMENT: "PAYMENT",
    Purpose.TRANSFER: "XFER",
    Purpose.INTEREST: "INT",
    Purpose.FEE: "FEE",
}
_SHOP_PURPOSES = frozenset(
    {Purpose.GROCERIES, Purpose.COFFEE, Purpose.RESTAURANT, Purpose.FUEL, Purpose.SHOPPING, Purpose.SUBSCRIPTION}
)
_SGML_HEADER = (
    "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nSECURITY:NONE\r\nENCODING:USASCII\r\nCHARSET:1252\r\n"
    "COMPRESSION:NONE\r\nOLDFILEUID:NONE\r\nNEWFILEUID:NONE\r\n\r\n"
)
_PLACE = "ofx"
_NO_FITIDS = (None, "", "0")
_SLOT_S = 6 * 3600  # for so long an account's bad balance lasts
_XML_HEADER = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\r\n'
    '<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\r\n'
)


class Dialect(StrEnum):
    """The two ways in which banks write such files."""

    QFX = "qfx"
    """OFX 1.0.2: SGML with unclosed leaves, noon in GMT for dates, and the bank's number at Intuit."""
    OFX = "ofx"
    """OFX 2.2: XML, plain dates."""


@dataclass(frozen=True, slots=True)
class _Node:
    """An element: a leaf with text, or an aggregate with children."""

    tag: str
    content: "str | Sequence[_Node]"


def write_qfx(world: World, account_id: str, start: date, end: date, /) -> bytes:
    """A statement in the QFX dialect; unknown accounts raise `KeyError`."""
    return _write(world, account_id, start, end, Dialect.QFX)


def write_ofx(world: World, account_id: str, start: date, end: date, /) -> bytes:
    """A statement in the OFX 2 dialect; unknown accounts raise `KeyError`."""
    return _write(world, account_id, start, end, Dialect.OFX)


STATEMENTS = {Dialect.QFX.value: write_qfx, Dialect.OFX.value: write_ofx}
"""The writers by format name, as the sandbox's control plane takes them."""


def _write(world: World, account_id: str, start: date, end: date, dialect: Dialect) -> bytes:
    account = world.accounts[account_id]
    pen = _Pen(world, account, start, end, dialect)
    body = _Node("OFX", [pen.sign_on(), *pen.statement()])
    if dialect is Dialect.QFX:
        return (_SGML_HEADER + _render_sgml(body)).encode("cp1252", errors="replace")
    return (_XML_HEADER + _render_xml(body)).encode()


def fitid_of(world: World, row: Row) -> str:
    """The row's FITID: stable over files, renderings and edits of the row, and telling nothing about the world."""
    return _number(world, row.account_id, row.world_id)


def trace_row(world: World, account_id: str, fitid: str) -> str | None:
    """The world's id of the row with this FITID; None for an id that no row ever had, or that means no single row."""
    if world.view.draw("B3", account_id) < world.view.shares.get("B3", 0):
        return None
    rows = (event.row for event in world.get_log(account_id).events_after(0))
    return next((row.world_id for row in rows if fitid_of(world, row) == fitid), None)


def _number(world: World, *parts: str) -> str:
    digest = sha256("|".join((str(world.seed), *parts)).encode()).hexdigest()
    return f"{int(digest, 16)}"[:_FITID_LENGTH]


@dataclass(frozen=True, slots=True)
class _Blemishes:
    """What the world's view does to the files of one account that are made now."""

    world: World
    account: Account

    def fitid(self, row: Row) -> str | None:
        """The row's FITID in this file; None leaves the element out."""
        if self.world.view.strikes("B3", _PLACE, row.account_id):
            return _number(self.world, row.account_id, row.world_id, self.world.now.isoformat())
        if self.world.view.strikes("B6", _PLACE, row.world_id):
            return _NO_FITIDS[int(self.world.view.draw(_PLACE, "B6", row.world_id) * len(_NO_FITIDS))]
        if self.world.view.strikes("B5", _PLACE, row.world_id):
            return _number(self.world, row.account_id, f"{row.occurred_at:%Y-%m}")
        return fitid_of(self.world, row)

    def text(self, row: Row) -> str:
        """A13: the row's text in the words of the day on which the file is made."""
        day, text = self.world.now.date(), row.description
        if not self.world.view.strikes("A13", _PLACE, row.world_id, day, transient=True):
            return text
        manner = int(self.world.view.draw(_PLACE, "A13", row.world_id, day) * 4)
        return (text.lower(), f"  {text.replace(' ', '   ')} ", text[:20], f"{row.booked_on:%m/%d} {text}")[manner]

    def balance_at(self) -> datetime | None:
        """A16: the instant of the balance that the file states; None when it states none."""
        slot = int(self.world.now.timestamp() // _SLOT_S)
        key = (self.account.account_id, slot)
        if not self.world.view.strikes("A16", _PLACE, *key, transient=True):
            return self.world.now
        if int(self.world.view.draw(_PLACE, "A16", *key) * 5) < 2:
            return None
        minutes = int(300 + 5_400 * self.world.view.draw(_PLACE, "A16 age", *key))
        return self.world.now - timedelta(minutes=minutes, seconds=1)

    def vary(self, row: Row, members: list[_Node]) -> list[_Node]:
        """A15: a row with a type or with elements of which the standard knows nothing."""
        if not self.world.view.strikes("A15", _PLACE, row.world_id):
            return members
        if int(self.world.view.draw(_PLACE, "A15", row.world_id) * 2) == 0:
            return [_Node("TRNTYPE", "BARTER"), *members[1:]]
        return [*members, _Node("BANK.RAIL", "HYPERLOOP"), _Node("BANK.EXTRA", [_Node("BANK.HOPS", "3")])]

    def lists_pending(self) -> bool:
        """Whether the bank's files of the newer dialect have pending rows; half of the banks do in faulty worlds."""
        return (
            bool(self.world.view.shares)
            and int(self.world.view.draw(_PLACE, "pending list", self.account.bank.key) * 2) == 0
        )


class _Pen:
    """Writes one statement as a tree of elements."""

    def __init__(self, world: World, account: Account, start: date, end: date, dialect: Dialect) -> None:
        self._world = world
        self._account = account
        self._start = start
        self._end = end
        self._dialect = dialect
        self._truth = world.truth(account.account_id)
        self._faults = _Blemishes(world, account)
        self._rows = [row for row in self._truth.settled if start <= row.booked_on <= end]

    def sign_on(self) -> _Node:
        """The sign-on answer that every file begins with."""
        bank = self._account.bank
        members = [
            _status(),
            _Node("DTSERVER", self._instant(self._world.now)),
            _Node("LANGUAGE", "ENG"),
            _Node("FI", [_Node("ORG", bank.name), _Node("FID", bank.bank_code[-5:])]),
        ]
        if self._dialect is Dialect.QFX and bank.key in _INTU_BID:
            members.append(_Node("INTU.BID", _INTU_BID[bank.key]))
        return _Node("SIGNONMSGSRSV1", [_Node("SONRS", members)])

    def statement(self) -> list[_Node]:
        """The message sets: the statement, for a brokerage account also the securities."""
        kind = self._account.kind
        if kind is AccountKind.BROKERAGE:
            positions = self._world.positions(self._account.account_id)
            answer = _answer("INVSTMTTRNRS", _Node("INVSTMTRS", self._investment_members(positions)))
            securities = _Node("SECLISTMSGSRSV1", [_Node("SECLIST", self._securities(positions))])
            return [_Node("INVSTMTMSGSRSV1", [answer]), securities]
        if kind is AccountKind.CREDIT_CARD:
            identity = _Node("CCACCTFROM", [_Node("ACCTID", self._account.number)])
            answer = _answer("CCSTMTTRNRS", _Node("CCSTMTRS", self._money_members(identity)))
            return [_Node("CREDITCARDMSGSRSV1", [answer])]
        identity = _Node(
            "BANKACCTFROM",
            [
                _Node("BANKID", self._account.bank.bank_code),
                _Node("ACCTID", self._account.number),
                _Node("ACCTTYPE", _BANK_TYPES[kind]),
            ],
        )
        return [_Node("BANKMSGSRSV1", [_answer("STMTTRNRS", _Node("STMTRS", self._money_members(identity)))])]

    def _money_members(self, identity: _Node) -> list[_Node]:
        members = [
            _Node("CURDEF", self._account.currency),
            identity,
            _Node("BANKTRANLIST", [*self._range(), *(self._row(row) for row in self._rows)]),
        ]
        if self._dialect is Dialect.OFX and self._faults.lists_pending():
            members.append(self._pending_list())
        at = self._faults.balance_at()
        if at is None:
            return members
        truth = self._truth if at == self._world.now else self._world.truth(self._account.account_id, at)
        as_of = _Node("DTASOF", self._instant(at))
        members.append(_Node("LEDGERBAL", [_Node("BALAMT", _plain(truth.balance)), as_of]))
        available = self._available(truth)
        if available is not None:
            members.append(_Node("AVAILBAL", [_Node("BALAMT", _plain(available)), as_of]))
        return members

    def _available(self, truth: Truth) -> Decimal | None:
        """What can be spent: pending rows count here; on a card it is the credit that is left."""
        if self._account.kind is AccountKind.LOAN:
            return None
        pending = sum((row.amount for row in truth.pending), Decimal(0))
        return truth.balance + pending + (self._account.credit_limit or Decimal(0))

    def _pending_list(self) -> _Node:
        """All rows that are pending now, whatever the days of the statement are; they have no FITID."""
        rows: list[_Node] = []
        for row in self._truth.pending:
            kind, day = _Node("TRNTYPE", self._row_type(row)), _Node("DTTRAN", self._date(row.booked_on))
            name = _Node("NAME", self._faults.text(row)[:_NAME_LENGTH].strip())
            rows.append(_Node("STMTTRNP", [kind, day, _Node("TRNAMT", _plain(row.amount)), name]))
        return _Node("BANKTRANLISTP", [_Node("DTASOF", self._instant(self._world.now)), *rows])

    def _row(self, row: Row) -> _Node:
        text, fitid = self._faults.text(row), self._faults.fitid(row)
        members = [
            _Node("TRNTYPE", self._row_type(row)),
            _Node("DTPOSTED", self._date(row.booked_on)),
            _Node("TRNAMT", _plain(row.amount)),
            *([] if fitid is None else [_Node("FITID", fitid)]),
            _Node("NAME", text[:_NAME_LENGTH].strip()),
        ]
        if len(text) > _NAME_LENGTH:
            members.append(_Node("MEMO", text))
        return _Node("STMTTRN", self._faults.vary(row, members))

    def _row_type(self, row: Row) -> str:
        if row.purpose in _SHOP_PURPOSES:
            return "DEBIT" if self._account.kind is AccountKind.CREDIT_CARD else "POS"
        if row.purpose is Purpose.CARD_PAYMENT and row.amount > 0:
            return "CREDIT"
        return _ROW_TYPES.get(row.purpose, "CREDIT" if row.amount > 0 else "DEBIT")

    def _investment_members(self, positions: Sequence[Position]) -> list[_Node]:
        account, cash = self._account, _Node("AVAILCASH", _plain(self._truth.balance))
        return [
            _Node("DTASOF", self._instant(self._world.now)),
            _Node("CURDEF", account.currency),
            _Node(
                "INVACCTFROM",
                [_Node("BROKERID", f"{account.bank.key.replace('_', '')}.example"), _Node("ACCTID", account.number)],
            ),
            _Node("INVTRANLIST", [*self._range(), *(self._investment_row(row) for row in self._rows)]),
            _Node("INVPOSLIST", [self._position(position) for position in positions]),
            _Node("INVBAL", [cash, _Node("MARGINBALANCE", "0"), _Node("SHORTBALANCE", "0")]),
        ]

    def _investment_row(self, row: Row) -> _Node:
        trade = row.trade
        if trade is None:
            return _Node("INVBANKTRAN", [self._row(row), _Node("SUBACCTFUND", "CASH")])
        header = _Node(
            "INVTRAN",
            [
                _Node("FITID", fitid_of(self._world, row)),
                _Node("DTTRADE", self._date(row.authorized_on)),
                _Node("DTSETTLE", self._date(row.booked_on)),
                _Node("MEMO", row.description),
            ],
        )
        total = _Node("TOTAL", _plain(row.amount))
        places = [_Node("SUBACCTSEC", "CASH"), _Node("SUBACCTFUND", "CASH")]
        if row.purpose is Purpose.DIVIDEND:
            income = [header, _security_id(trade.symbol), _Node("INCOMETYPE", "DIV"), total, *places]
            return _Node("INCOME", income)
        verb = "BUY" if trade.quantity > 0 else "SELL"
        body = [
            header,
            _security_id(trade.symbol),
            _Node("UNITS", str(trade.quantity)),
            _Node("UNITPRICE", str(trade.price)),
            _Node("COMMISSION", str(trade.fees)),
            total,
            *places,
        ]
        return _Node(f"{verb}{_family(trade.symbol)}", [_Node(f"INV{verb}", body), _Node(f"{verb}TYPE", verb)])

    def _position(self, position: Position) -> _Node:
        members = [
            _security_id(position.symbol),
            _Node("HELDINACCT", "CASH"),
            _Node("POSTYPE", "LONG"),
            _Node("UNITS", str(position.quantity)),
            _Node("UNITPRICE", str(position.price)),
            _Node("MKTVAL", str(position.value)),
            _Node("DTPRICEASOF", self._date(position.price_on)),
        ]
        return _Node(f"POS{_family(position.symbol)}", [_Node("INVPOS", members)])

    def _securities(self, positions: Sequence[Position]) -> list[_Node]:
        on = self._account.bank.local_date(self._world.now)
        symbols = {position.symbol for position in positions} | {row.trade.symbol for row in self._rows if row.trade}
        return [
            _Node(
                f"{_family(symbol)}INFO",
                [
                    _Node(
                        "SECINFO",
                        [
                            _security_id(symbol),
                            _Node("SECNAME", SECURITIES[symbol].name[:_NAME_LENGTH]),
                            _Node("TICKER", symbol),
                            _Node("UNITPRICE", str(self._world.market.price(symbol, on))),
                            _Node("DTASOF", self._date(on)),
                        ],
                    )
                ],
            )
            for symbol in sorted(symbols)
        ]

    def _range(self) -> list[_Node]:
        return [_Node("DTSTART", self._date(self._start)), _Node("DTEND", self._date(self._end))]

    def _date(self, on: date) -> str:
        return f"{on:%Y%m%d}120000[0:GMT]" if self._dialect is Dialect.QFX else f"{on:%Y%m%d}"

    def _instant(self, at: datetime) -> str:
        if self._dialect is Dialect.QFX:
            return f"{at.astimezone(UTC):%Y%m%d%H%M%S}[0:GMT]"
        local = at.astimezone(self._account.bank.zone)
        offset = local.utcoffset()
        hours = Decimal(0 if offset is None else int(offset.total_seconds())) / 3600
        return f"{local:%Y%m%d%H%M%S}.000[{hours:+g}:{_zone_name(local)}]"


def _plain(amount: Decimal) -> str:
    """The digits of an amount with its currency's decimals; small ones without the exponent that `str` gives them."""
    return f"{amount:f}"


def _zone_name(local: datetime) -> str:
    name = local.tzname() or ""
    return name if name.isalpha() else "LOC"


def _family(symbol: str) -> str:
    return "MF" if SECURITIES[symbol].kind is SecurityKind.MUTUAL_FUND else "STOCK"


def _security_id(symbol: str) -> _Node:
    return _Node("SECID", [_Node("UNIQUEID", SECURITIES[symbol].cusip), _Node("UNIQUEIDTYPE", "CUSIP")])


def _status() -> _Node:
    return _Node("STATUS", [_Node("CODE", "0"), _Node("SEVERITY", "INFO")])


def _answer(tag: str, statement: _Node) -> _Node:
    return _Node(tag, [_Node("TRNUID", "0"), _status(), statement])


def _render_sgml(node: _Node) -> str:
    if isinstance(node.content, str):
        return f"<{node.tag}>{escape(node.content)}\r\n"
    return f"<{node.tag}>\r\n{''.join(map(_render_sgml, node.content))}</{node.tag}>\r\n"


def _render_xml(node: _Node) -> str:
    inner = escape(node.content) if isinstance(node.content, str) else "".join(map(_render_xml, node.content))
    return f"<{node.tag}>{inner}</{node.tag}>"
