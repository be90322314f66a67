"""How does Plaid describe a transaction?"""

from decimal import Decimal

from bursar.providers.plaid.sandbox.blemishes import reword
from bursar.providers.plaid.sandbox.feed import Entry
from bursar.providers.plaid.sandbox.ids import IdMint
from bursar.sandbox.ledger import Purpose, Row, RowState
from bursar.sandbox.people import Account, AccountKind

TRANSACTION_KINDS = frozenset({AccountKind.CHECKING, AccountKind.SAVINGS, AccountKind.CREDIT_CARD, AccountKind.LOAN})
"""The kinds whose rows are transactions; a brokerage account's are investment transactions."""

_CATEGORIES = {
    Purpose.RENT: ("RENT_AND_UTILITIES", "RENT"),
    Purpose.UTILITIES: ("RENT_AND_UTILITIES", "GAS_AND_ELECTRICITY"),
    Purpose.SUBSCRIPTION: ("ENTERTAINMENT", "TV_AND_MOVIES"),
    Purpose.GROCERIES: ("FOOD_AND_DRINK", "GROCERIES"),
    Purpose.COFFEE: ("FOOD_AND_DRINK", "COFFEE"),
    Purpose.RESTAURANT: ("FOOD_AND_DRINK", "RESTAURANT"),
    Purpose.FUEL: ("TRANSPORTATION", "GAS"),
    Purpose.SHOPPING: ("GENERAL_MERCHANDISE", "OTHER_GENERAL_MERCHANDISE"),
    Purpose.CASH: ("TRANSFER_OUT", "WITHDRAWAL"),
    Purpose.FEE: ("BANK_FEES", "OTHER_BANK_FEES"),
}
_MERCHANTS = frozenset(
    {
        Purpose.GROCERIES,
        Purpose.COFFEE,
        Purpose.RESTAURANT,
        Purpose.FUEL,
        Purpose.SHOPPING,
        Purpose.SUBSCRIPTION,
        Purpose.UTILITIES,
    }
)
_UNOFFICIAL = frozenset({"BTC", "ETH"})
_ONLINE = frozenset({Purpose.SUBSCRIPTION, Purpose.UTILITIES})
_NULL_LOCATION = dict.fromkeys(
    ("address", "city", "region", "postal_code", "country", "lat", "lon", "store_number"), None
)
_NULL_PAYMENT_META = dict.fromkeys(
    (
        "reference_number",
        "ppd_id",
        "payee",
        "by_order_of",
        "payer",
        "payment_method",
        "payment_processor",
        "reason",
    ),
    None,
)


def render_transaction(
    mint: IdMint, entry: Entry, account: Account, *, with_original: bool, category_version: str
) -> dict[str, object]:
    """The wire object. Plaid's amounts are positive when money leaves the account: ours with the sign turned."""
    row = entry.row
    primary, detailed = _category(row, account, category_version)
    is_merchant = row.counterparty is not None and row.purpose in _MERCHANTS
    merchant_id = mint.opaque("merchant", row.counterparty or "") if is_merchant else None
    text = reword(row.description, entry.wording, f"{row.booked_on:%m/%d}") if entry.wording else row.description
    body: dict[str, object] = {
        "transaction_id": entry.transaction_id,
        "account_id": entry.account_id,
        "account_owner": None,
        "amount": plain(-row.amount),
        **currency_codes(row.currency),
        "date": row.booked_on.isoformat(),
        "datetime": None,
        "authorized_date": row.authorized_on.isoformat(),
        "authorized_datetime": None,
        "name": text,
        "merchant_name": row.counterparty if is_merchant else None,
        "merchant_entity_id": merchant_id,
        "logo_url": None,
        "website": None,
        "counterparties": _counterparties(row, merchant_id, is_merchant=is_merchant),
        "pending": row.state is RowState.PENDING,
        "pending_transaction_id": entry.pending_transaction_id,
        "personal_finance_category": {
            "primary": primary,
            "detailed": f"{primary}_{detailed}" if detailed != "OTHER" or primary != "OTHER" else "OTHER_OTHER",
            "confidence_level": "VERY_HIGH" if is_merchant else "HIGH",
            "version": category_version,
        },
        "personal_finance_category_icon_url": f"https://plaid-category-icons.plaid.com/PFC_{primary}.png",
        "payment_channel": _channel(row, is_merchant=is_merchant),
        "transaction_type": "place" if is_merchant else "special",
        "transaction_code": None,
        "check_number": None,
        "category": None,
        "category_id": None,
        "location": _NULL_LOCATION,
        "payment_meta": _NULL_PAYMENT_META,
    }
    if with_original:
        body["original_description"] = text
    return body


def plain(amount: Decimal) -> Decimal:
    """The amount without a negative zero, which JSON could express and no bank means."""
    return amount or abs(amount)


def trimmed(amount: Decimal) -> Decimal:
    """The same amount without the zeros at its end, and without an exponent."""
    short = plain(amount).normalize()
    return short if int(short.as_tuple().exponent) <= 0 else short.quantize(Decimal(1))


def currency_codes(currency: str) -> dict[str, str | None]:
    """The two members of which one is set: units outside ISO 4217 have a code that is not official."""
    is_official = currency not in _UNOFFICIAL
    return {
        "iso_currency_code": currency if is_official else None,
        "unofficial_currency_code": None if is_official else currency,
    }


def _channel(row: Row, *, is_merchant: bool) -> str:
    if not is_merchant:
        return "other"
    return "online" if row.purpose in _ONLINE else "in store"


def _counterparties(row: Row, merchant_id: str | None, *, is_merchant: bool) -> list[dict[str, object]]:
    if row.counterparty is None:
        return []
    kind = "merchant" if is_merchant else "financial_institution"
    if row.purpose is Purpose.SALARY:
        kind = "income_source"
    return [
        {
            "name": row.counterparty,
            "type": kind,
            "entity_id": merchant_id,
            "website": None,
            "logo_url": None,
            "confidence_level": "VERY_HIGH" if is_merchant else "LOW",
        }
    ]


def _category(row: Row, account: Account, version: str) -> tuple[str, str]:
    """Primary category and the suffix of the detailed one, in the wording of the asked version."""
    known = _CATEGORIES.get(row.purpose)
    if known is not None:
        return known
    enters = row.amount > 0
    if row.purpose is Purpose.SALARY:
        return "INCOME", "WAGES" if version == "v1" else "SALARY"
    if row.purpose is Purpose.INTEREST:
        return ("INCOME", "INTEREST_EARNED") if enters else ("BANK_FEES", "INTEREST_CHARGE")
    if row.purpose is Purpose.CARD_PAYMENT:
        return "LOAN_PAYMENTS", "CREDIT_CARD_PAYMENT"
    if row.purpose is Purpose.LOAN_PAYMENT:
        return "LOAN_PAYMENTS", "STUDENT_LOAN_PAYMENT"
    if row.purpose is Purpose.TRANSFER:
        if account.kind is AccountKind.SAVINGS:
            return ("TRANSFER_IN", "SAVINGS") if enters else ("TRANSFER_OUT", "SAVINGS")
        return ("TRANSFER_IN", "ACCOUNT_TRANSFER") if enters else ("TRANSFER_OUT", "ACCOUNT_TRANSFER")
    if version == "v1":
        return "GENERAL_SERVICES", "OTHER_GENERAL_SERVICES"
    return "OTHER", "OTHER"
