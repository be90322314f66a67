"""What was unusual in a file although it could be read?"""

from dataclasses import dataclass

MESSAGES = {
    "header_irregular": "The file's header is missing or not written as the format asks; it was read anyway.",
    "charset_mismatch": "The text is not in the character set that the header names; another one was used.",
    "charset_unknown": "The header names a character set that nobody knows; Windows-1252 was used.",
    "characters_replaced": "Some characters do not exist in the file's character set and were replaced.",
    "text_too_long": "A text was longer than any statement's and was left out.",
    "unclosed": "Elements were not closed and ended where the next one had to begin.",
    "stray_close": "Closing tags without an opening one were ignored.",
    "date_irregular": "Dates were not written as the format asks; the day was read, the time was dropped.",
    "zone_unknown": "The zone of a time is not known; the day was read, the time was dropped.",
    "ambiguous_number": "A number such as 10,000 can be read in two ways and nothing in the file decides; the mark was "
    "read as the decimal mark.",
    "number_irregular": "Numbers were written with symbols, brackets or a sign at the end.",
    "unsigned_amounts": "Nearly all debits are positive: the institution seems to write amounts without a sign. "
    "Check them before you import.",
    "sign_mismatch": "The sign of an amount does not fit its kind; it was kept as it was sent.",
    "zero_amount": "Rows with the amount zero were kept.",
    "masked_account_id": "The file names the account by a masked number; confirm that it is the right account.",
    "balance_sign_suspect": "The card's balance is positive although its rows say that money is owed.",
    "balance_unreadable": "A balance could not be read and counts as unknown.",
    "no_ticker": "A security has no ticker symbol; its identifier is shown instead.",
    "status_not_ok": "The institution sent a notice with the statement.",
    "statement_refused": "The institution refused one of the statements; the others were read.",
    "truncated": "The end of the file is missing; the lists and balances before it are complete.",
    "currency_inferred": "The statement names no currency; the one that its rows agree on was used.",
    "currency_missing": "The statement names no currency, and none was given.",
    "accounts_only": "The file lists accounts and holds no statement.",
    "unknown_transaction": "A kind of transaction that the format does not define was kept as `other`.",
    "quantity_suspect": "A position's quantity, price and value do not agree; they were kept as sent.",
    "inconsistent_trade": "A trade's quantity, price and total do not agree; they were kept as sent.",
    "content_outside_statement": "Rows stood outside any statement and name no account.",
}
"""Code -> what a person should know; values of the file never appear."""


@dataclass(slots=True)
class Notice:
    """One kind of oddity: how often it was met, and where first (line from 1, None when it is about the whole)."""

    code: str
    line: int | None
    count: int = 1


class Notices:
    """Collects oddities by kind, so that a file with a million of them costs one line."""

    def __init__(self) -> None:
        self._by_code: dict[str, Notice] = {}

    def add(self, code: str, line: int | None = None) -> None:
        """Count one more of a kind; the first line stays."""
        known = self._by_code.get(code)
        if known is None:
            self._by_code[code] = Notice(code, line)
        else:
            known.count += 1

    def all(self) -> list[Notice]:
        """Return each kind once, in the order of first meeting."""
        return list(self._by_code.values())
