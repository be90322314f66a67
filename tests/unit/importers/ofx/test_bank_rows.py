"""What bank and card rows become in the words of the ledger."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bursar.domain.transactions import ALLOWED_SUBTYPES

CARD = "<CCACCTFROM><ACCTID>4111 1111-1111 9876</CCACCTFROM>"


def kinds(file):
    return [f"{row.transaction_type}/{row.subtype}" for row in file.batch.transactions]


@pytest.mark.parametrize(
    ("trntype", "bank_in", "bank_out", "card_in", "card_out"),
    [
        ("CREDIT", "transfer/deposit", "transfer/deposit", "payment/refund", "payment/refund"),
        ("DEBIT", "transfer/withdrawal", "transfer/withdrawal", "payment/purchase", "payment/purchase"),
        ("INT", "income/interest", "fee/interest_charge", "income/interest", "fee/interest_charge"),
        ("DIV", "income/dividend", "income/dividend", "income/reward", "income/reward"),
        ("FEE", "other/adjustment", "fee/account_fee", "other/adjustment", "fee/account_fee"),
        ("SRVCHG", "other/adjustment", "fee/account_fee", "other/adjustment", "fee/account_fee"),
        ("DEP", "transfer/deposit", "transfer/deposit", "payment/refund", "payment/refund"),
        ("ATM", "transfer/atm", "transfer/atm", "transfer/atm", "transfer/atm"),
        ("POS", "payment/refund", "payment/purchase", "payment/purchase", "payment/purchase"),
        ("XFER", "transfer/internal", "transfer/internal", "transfer/card_payment", "transfer/card_payment"),
        ("CHECK", "payment/check", "payment/check", "payment/check", "payment/check"),
        ("PAYMENT", "payment/bill_payment", "payment/bill_payment", "transfer/card_payment", "payment/bill_payment"),
        ("REPEATPMT", "payment/bill_payment", "payment/bill_payment", "transfer/card_payment", "payment/bill_payment"),
        ("CASH", "transfer/deposit", "transfer/withdrawal", "transfer/atm", "transfer/atm"),
        (
            "DIRECTDEP",
            "transfer/direct_deposit",
            "transfer/direct_deposit",
            "transfer/card_payment",
            "transfer/card_payment",
        ),
        ("DIRECTDEBIT", "payment/direct_debit", "payment/direct_debit", "payment/purchase", "payment/purchase"),
        ("HOLD", "other/other", "other/other", "other/other", "other/other"),
        ("OTHER", "other/other", "other/other", "other/other", "other/other"),
        ("", "other/other", "other/other", "other/other", "other/other"),
        ("WEIRD", "other/other", "other/other", "other/other", "other/other"),
    ],
)
def test_kind_follows_the_word_and_the_sign(bank, trntype, bank_in, bank_out, card_in, card_out):
    rows = bank.row(TRNTYPE=trntype, TRNAMT="5.00", NAME="X") + bank.row(TRNTYPE=trntype, TRNAMT="-5.00", NAME="X")
    plain = bank.read_rows(rows)
    card = bank.read_rows(rows, account=CARD, kind="CCSTMT")
    assert kinds(plain) + kinds(card) == [bank_in, bank_out, card_in, card_out]
    for row in (*plain.batch.transactions, *card.batch.transactions):
        assert row.subtype in ALLOWED_SUBTYPES[row.transaction_type]
        assert row.status == ("pending" if trntype == "HOLD" else "settled")


@pytest.mark.parametrize("text", ["Payment Thank You - Web", "AUTOPAY 123", "ONLINE PAYMENT", "thank you"])
def test_credit_that_reads_like_a_payment_is_a_card_payment_on_cards_only(bank, text):
    row = bank.row(TRNTYPE="CREDIT", TRNAMT="50", NAME=text)
    assert kinds(bank.read_rows(row, account=CARD, kind="CCSTMT")) == ["transfer/card_payment"]
    assert kinds(bank.read_rows(row)) == ["transfer/deposit"]


def test_purchase_that_reads_like_a_payment_stays_a_purchase(bank):
    row = bank.row(TRNTYPE="DEBIT", NAME="PAYMENT SERVICES LTD")
    assert kinds(bank.read_rows(row, account=CARD, kind="CCSTMT")) == ["payment/purchase"]


def test_foreign_fee_under_the_purchase_id_stays_a_row_of_its_own(bank):
    rows = bank.row(TRNAMT="-100", FITID="SAME") + bank.row(
        TRNTYPE="FEE", TRNAMT="-3", FITID="SAME", NAME="FOREIGN TRANSACTION FEE"
    )
    file = bank.read_rows(rows, account=CARD, kind="CCSTMT")
    assert kinds(file) == ["payment/purchase", "fee/foreign_transaction_fee"]
    assert [row.provider_transaction_id for row in file.batch.transactions] == ["SAME", "SAME"]


@pytest.mark.parametrize(
    ("name", "memo", "description"),
    [
        ("SHOP", "", "SHOP"),
        ("", "card 12", "card 12"),
        ("SHOP", "SHOP", "SHOP"),
        ("Shop", "SHOP 12 Springfield", "SHOP 12 Springfield"),
        ("SHOP", "card   12", "SHOP – card 12"),
        ("ORIG CO NAME:NORTHERN POWER AND L", "IGHT 0012", "ORIG CO NAME:NORTHERN POWER AND L – IGHT 0012"),
        ("ORIG CO NAME NORTHERN POWER AND ", "LIGHT 0012", "ORIG CO NAME NORTHERN POWER AND – LIGHT 0012"),
        ("ORIG CO NAME NORTHERN POWER AN L", "IGHT 0012", "ORIG CO NAME NORTHERN POWER AN LIGHT 0012"),
        ("Northern Power and Light Company", "Bill of May", "Northern Power and Light Company – Bill of May"),
        ("A &amp;  B", "", "A & B"),
    ],
)
def test_description_joins_name_and_memo_where_the_memo_adds_something(bank, name, memo, description):
    row = bank.read_rows(bank.row(NAME=name, MEMO=memo)).batch.transactions[0]
    assert row.description == description


@pytest.mark.parametrize(
    ("trntype", "check", "description"),
    [("CHECK", "1042", "Check 1042"), ("CHECK", "0000", "Check"), ("DEBIT", "", "Debit"), ("", "", "Transaction")],
)
def test_row_without_texts_is_called_by_its_kind(bank, trntype, check, description):
    row = bank.read_rows(bank.row(TRNTYPE=trntype, NAME="", CHECKNUM=check)).batch.transactions[0]
    assert (row.description, row.check_number) == (description, check if check.strip("0") else None)


def test_long_description_is_cut_and_kept_whole_beside_the_record(bank):
    row = bank.read_rows(bank.row(NAME="A", MEMO="word " * 200)).batch.transactions[0]
    assert len(row.description) == 500
    assert row.raw_data["description"].endswith("word word")


@pytest.mark.parametrize("fitid", ["", "0", "000000", "null", "NULL", "None", "N/A", "   "])
def test_placeholder_ids_count_as_missing(bank, fitid):
    row = bank.read_rows(bank.row(FITID=fitid)).batch.transactions[0]
    assert (row.provider_transaction_id, row.provider_account_id) == (None, "4242|0021||checking|000123456789|USD")


@pytest.mark.parametrize("fitid", ["00123", "n/a-7", "A + B / C * D: E", "x" * 255, "None of these", "A&amp;amp;B"])
def test_real_ids_are_kept_as_they_are(bank, fitid):
    plain = bank.read_rows(bank.row(FITID=f"  {fitid} ")).batch.transactions[0]
    slow = bank.read_rows(bank.row(FITID=f"  {fitid} ", PAYEE="<NAME>x</PAYEE>")).batch.transactions[0]
    assert plain.provider_transaction_id == slow.provider_transaction_id == fitid.replace("&amp;amp;", "&amp;")


def test_id_over_the_formats_length_is_kept_as_a_hash(bank):
    texts = [bank.row(FITID=letter * 256, **more) for letter in "xy" for more in ({}, {"PAYEE": "<NAME>x</PAYEE>"})]
    ids = [row.provider_transaction_id for row in bank.read_rows("".join(texts)).batch.transactions]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert all(text.startswith("sha256:") and len(text) == 71 for text in ids)


def test_original_amount_that_does_not_divide_evenly_is_rounded_to_eight_decimals(bank):
    row = bank.row(TRNAMT="-10", ORIGCURRENCY="<CURRATE>3<CURSYM>EUR</ORIGCURRENCY>")
    record = bank.read_rows(row).batch.transactions[0]
    assert (record.amount, record.original_amount) == (Decimal(-10), Decimal("-3.33333333"))


def test_every_detail_of_a_row_finds_its_place(bank):
    row = bank.row(
        DTPOSTED="20240115200000[-8:PST]", DTUSER="20240113", DTAVAIL="20240117", SRVRTID="S9", REFNUM="R123456789",
        SIC="5411", EXTDNAME="CORNER SHOP LTD", MEMO="card 12", CHECKNUM="0042",
    )  # fmt: skip
    for text in (row, row.replace("</STMTTRN>", "<BANKACCTTO><BANKID>1<ACCTID>999</BANKACCTTO></STMTTRN>")):
        record = bank.read_rows(text).batch.transactions[0]
        assert record.transaction_date == date(2024, 1, 15)
        assert record.occurred_at == datetime(2024, 1, 16, 4, tzinfo=UTC)
        assert record.settlement_date == date(2024, 1, 17)
        assert (record.check_number, record.memo, record.counterparty) == ("0042", "card 12", "CORNER SHOP LTD")
        assert record.identity_text == "CORNER SHOP\ncard 12"
        assert record.raw_data["user_date"] == "2024-01-13"
        assert (record.raw_data["industry_code"], record.raw_data["reference"]) == ("5411", "R*****6789")


def test_payee_name_stands_in_for_a_missing_name(bank):
    row = bank.row(NAME="", PAYEE="<NAME>Power Co<CITY>Springfield</PAYEE>")
    assert bank.read_rows(row).batch.transactions[0].description == "Power Co"


@pytest.mark.parametrize(("action", "correction"), [("REPLACE", "replace"), ("DELETE", "delete"), ("Delete", "delete")])
def test_correction_names_the_row_that_it_corrects(bank, action, correction):
    row = bank.read_rows(bank.row(FITID="F2", CORRECTFITID="F1", CORRECTACTION=action)).batch.transactions[0]
    assert (row.corrects_transaction_id, row.correction) == ("F1", correction)


@pytest.mark.parametrize(
    "leaves", [{"CORRECTFITID": "F1"}, {"CORRECTACTION": "DELETE"}, {"CORRECTFITID": "F1", "CORRECTACTION": "X"}]
)
def test_half_a_correction_corrects_nothing(bank, leaves):
    row = bank.read_rows(bank.row(**leaves)).batch.transactions[0]
    assert (row.corrects_transaction_id, row.correction) == (None, None)


def test_pending_list_gives_pending_rows_without_ids(bank):
    pending = (
        "<BANKTRANLISTP><DTASOF>20240131<STMTTRNP><TRNTYPE>DEBIT<DTTRAN>20240130<TRNAMT>-9.00<NAME>CAFE</STMTTRNP>"
        "<STMTTRNP><TRNTYPE>DEBIT<TRNAMT>-9.00</STMTTRNP></BANKTRANLISTP>"
    )
    file = bank.read_rows(bank.row(), balance=pending + bank.balance)
    settled, waiting = file.batch.transactions
    assert (settled.status, waiting.status) == ("settled", "pending")
    assert (waiting.transaction_date, waiting.provider_transaction_id) == (date(2024, 1, 30), None)
    assert file.batch.rejected[0].field == "STMTTRNP.DTTRAN"


def test_amount_in_another_currency_is_converted_by_its_rate(bank):
    row = bank.row(TRNAMT="-10.01", CURRENCY="<CURRATE>1.085<CURSYM>EUR</CURRENCY>")
    record = bank.read_rows(row).batch.transactions[0]
    assert (record.amount, record.currency) == (Decimal("-10.86085"), "USD")
    assert (record.original_amount, record.original_currency, record.fx_rate) == (
        Decimal("-10.01"),
        "EUR",
        Decimal("1.085"),
    )


def test_amount_that_was_in_another_currency_keeps_its_value(bank):
    row = bank.row(TRNAMT="-10.85", ORIGCURRENCY="<CURRATE>1.085<CURSYM>EUR</ORIGCURRENCY>")
    record = bank.read_rows(row).batch.transactions[0]
    assert (record.amount, record.original_amount, record.original_currency) == (Decimal("-10.85"), Decimal(-10), "EUR")


@pytest.mark.parametrize("rate", ["", "0", "abc", "-1"])
def test_another_currency_without_a_usable_rate_rejects_the_row(bank, rate):
    file = bank.read_rows(bank.row(CURRENCY=f"<CURRATE>{rate}<CURSYM>EUR</CURRENCY>") + bank.row())
    assert [(record.reason, record.field) for record in file.batch.rejected] == [
        ("inconsistent", "STMTTRN.CURRENCY.CURRATE")
    ]
    assert len(file.batch.transactions) == 1


def test_own_currency_or_a_plain_code_changes_nothing(bank):
    for value in ("<CURRATE>1.00<CURSYM>USD</CURRENCY>", "USD"):
        record = bank.read_rows(bank.row(CURRENCY=value)).batch.transactions[0]
        assert (record.amount, record.original_amount, record.fx_rate) == (Decimal("-12.34"), None, None)


def test_zero_amount_is_kept_with_a_warning(bank, codes):
    file = bank.read_rows(bank.row(TRNAMT="0.00"))
    assert (file.batch.transactions[0].amount, codes(file)) == (Decimal(0), {"zero_amount"})


def test_sign_is_never_turned_and_unsigned_files_are_noticed(bank, codes):
    file = bank.read_rows(bank.row(TRNAMT="5") * 10 + bank.row(TRNTYPE="CREDIT", TRNAMT="5"))
    assert {row.amount for row in file.batch.transactions} == {Decimal(5)}
    assert codes(file) == {"unsigned_amounts", "sign_mismatch"}
    mixed = bank.read_rows(bank.row(TRNAMT="5") * 9 + bank.row())
    assert "unsigned_amounts" not in codes(mixed)


@pytest.mark.parametrize("text", ["null", "", "N/A", "NaN", "Infinity", "1E+999999", "12.3.4", "--5"])
@pytest.mark.parametrize("vendor", ["", "<X.A>b"])
def test_unreadable_amount_rejects_its_row_and_no_other(bank, text, vendor):
    file = bank.read_rows(bank.row(TRNAMT=text + vendor) + bank.row())
    assert [(record.reason, record.field, record.line) for record in file.batch.rejected] == [
        ("bad_number", "STMTTRN.TRNAMT", 13)
    ]
    assert [row.amount for row in file.batch.transactions] == [Decimal("-12.34")]
    assert file.rows_read == 2


@pytest.mark.parametrize("text", ["00000000", "20120231", "", "19691231", "20300101"])
@pytest.mark.parametrize("vendor", ["", "<X.A>b"])
def test_unreadable_date_rejects_its_row_and_no_other(bank, text, vendor):
    file = bank.read_rows(bank.row(DTPOSTED=text + vendor) + bank.row())
    assert [(record.reason, record.field) for record in file.batch.rejected] == [("bad_date", "STMTTRN.DTPOSTED")]
    assert len(file.batch.transactions) == 1


def test_missing_elements_reject_their_rows(bank):
    file = bank.read_rows("<STMTTRN><TRNAMT>5</STMTTRN><STMTTRN><DTPOSTED>20240115</STMTTRN><STMTTRN></STMTTRN>")
    assert [record.reason for record in file.batch.rejected] == ["bad_date", "bad_number", "bad_date"]


def test_excerpts_and_repr_show_no_account_number(bank):
    file = bank.read_rows(bank.row(TRNAMT="4111111111119876 x") + bank.row(SRVRTID="4111111111119876"))
    assert file.batch.rejected[0].redacted_excerpt == "************9876 x"
    assert file.batch.transactions[0].raw_data["server_id"] == "************9876"
    assert "000123456789" not in repr(file)


def test_radix_is_decided_over_the_whole_file(bank, codes):
    later = bank.row(TRNAMT="-12,34", FITID="F2")
    file = bank.read_rows(
        bank.row(TRNAMT="-1.000") + later, balance="<LEDGERBAL><BALAMT>2.000<DTASOF>20240131</LEDGERBAL>"
    )
    assert [row.amount for row in file.batch.transactions] == [Decimal(-1000), Decimal("-12.34")]
    assert file.batch.accounts[0].balance == 2000
    undecided = bank.read_rows(bank.row(TRNAMT="-10,000"), balance="")
    assert (undecided.batch.transactions[0].amount, codes(undecided)) == (Decimal("-10.000"), {"ambiguous_number"})
