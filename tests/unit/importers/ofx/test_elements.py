"""Tags that are left open, closed twice, out of order, unknown, or built to hurt."""

import itertools
from decimal import Decimal

import pytest

from bursar.importers.ofx.rows import BankRow, iter_rows
from bursar.ports.errors import ProviderValidationError


def amounts(file):
    return [str(transaction.amount) for transaction in file.batch.transactions]


def closed(text: str) -> str:
    """Close the leaves of SGML rows: `<NAME>x\\n` becomes `<NAME>x</NAME>\\n`."""
    import re

    return re.sub(r"<([A-Z]+)>([^<\n]+)\n", r"<\1>\2</\1>\n", text)


def test_open_closed_and_mixed_tags_mean_the_same(bank):
    rows = bank.row() + bank.row(FITID="F2", MEMO="a & b", CHECKNUM="0042")
    plain, xml, mixed = (bank.read_rows(text) for text in (rows, closed(rows), rows + closed(rows)))
    assert plain.batch.transactions == xml.batch.transactions[: len(plain.batch.transactions)]
    assert len(mixed.batch.transactions) == 4
    assert mixed.batch.warnings == []


def test_order_of_elements_does_not_matter(bank):
    leaves = ["<TRNTYPE>DEBIT", "<DTPOSTED>20240115", "<TRNAMT>-1.50", "<FITID>F1", "<NAME>SHOP", "<MEMO>card"]
    expected = bank.read_rows("<STMTTRN>" + "".join(leaves) + "</STMTTRN>").batch.transactions
    for order in itertools.islice(itertools.permutations(leaves), 0, 720, 37):
        assert bank.read_rows("<STMTTRN>" + "".join(order) + "</STMTTRN>").batch.transactions == expected


def test_lower_case_tags_are_read(bank):
    data = bank.file(bank.statement(bank.row(TRNTYPE="Credit"), balance=bank.balance))
    lowered = data[: len(bank.header)] + data[len(bank.header) :].lower()
    file = bank.read(lowered)
    assert (amounts(file), file.batch.accounts[0].balance) == (["-12.34"], Decimal("100.50"))


def test_attributes_and_blanks_inside_tags_are_ignored(bank):
    row = "<STMTTRN id=\"1\" x:y='2'><TRNTYPE >DEBIT<DTPOSTED a=b>20240115<TRNAMT>-1.50<NAME\n>SHOP</NAME ></STMTTRN >"
    file = bank.read_rows(row)
    assert (amounts(file), file.batch.transactions[0].description) == (["-1.50"], "SHOP")


def test_self_closing_and_empty_leaves_are_absent(bank):
    row = "<STMTTRN><TRNTYPE/><DTPOSTED>20240115<TRNAMT>-1.50<FITID></FITID><NAME/><MEMO></MEMO></STMTTRN>"
    transaction = bank.read_rows(row).batch.transactions[0]
    assert (transaction.provider_transaction_id, transaction.memo, transaction.description) == (
        None,
        None,
        "Transaction",
    )


def test_unknown_leaf_with_text_closed_or_not_stays_inside_its_row(bank):
    row = "<STMTTRN><X.MOOD>fine<TRNTYPE>DEBIT<X.TAG>a</X.TAG><DTPOSTED>20240115<TRNAMT>-1.50<NAME>SHOP</STMTTRN>"
    transaction = bank.read_rows(row).batch.transactions[0]
    assert transaction.raw_data["extras"] == {"X.MOOD": "fine", "X.TAG": "a"}


def test_unknown_empty_tag_without_a_closing_one_hides_nothing(bank):
    row = "<STMTTRN><TRNTYPE>DEBIT<X.EMPTY>\n<DTPOSTED>20240115<X.NIL><TRNAMT>-1.50<NAME>SHOP</STMTTRN>"
    file = bank.read_rows(row + bank.row())
    assert (amounts(file), file.batch.warnings) == (["-1.50", "-12.34"], [])


def test_unknown_aggregate_keeps_its_own_names_from_the_row(bank):
    row = "<STMTTRN><DTPOSTED>20240115<X.SPLIT><TRNAMT>99<NAME>OTHER</X.SPLIT><TRNAMT>-1.50<NAME>SHOP</STMTTRN>"
    file = bank.read_rows(row)
    assert (amounts(file), file.batch.transactions[0].description) == (["-1.50"], "SHOP")


def test_vendor_element_named_like_an_investment_record_is_no_level(bank):
    row = "<STMTTRN><DTPOSTED>20240115<TRANSFER>Y<SPLIT>\n<INCOME>no<TRNAMT>-1.50<NAME>SHOP</STMTTRN>"
    assert amounts(bank.read_rows(row + bank.row())) == ["-1.50", "-12.34"]


def test_row_without_end_is_ended_by_the_next_row(bank, codes):
    unclosed = bank.row().replace("</STMTTRN>", "")
    file = bank.read_rows(unclosed + bank.row(TRNAMT="-2.00") + unclosed)
    assert amounts(file) == ["-12.34", "-2.00", "-12.34"]
    assert "unclosed" in codes(file)


def test_rows_whose_border_was_lost_are_rejected_and_not_merged(bank):
    two = (bank.row() + bank.row(TRNAMT="-2.00")).replace("</STMTTRN>\n<STMTTRN>", "")
    file = bank.read_rows(two + bank.row())
    assert [(record.reason, record.field) for record in file.batch.rejected] == [("inconsistent", "STMTTRN.TRNAMT")]
    assert amounts(file) == ["-12.34"]


def test_list_without_end_is_ended_by_the_balance(bank, codes):
    data = bank.file(bank.statement(bank.row())).replace(b"</BANKTRANLIST>", b"")
    file = bank.read(data)
    assert (amounts(file), file.batch.accounts[0].balance) == (["-12.34"], Decimal("100.50"))
    assert "unclosed" in codes(file)


def test_closing_tags_without_an_opening_one_are_ignored(bank, codes):
    file = bank.read_rows("</PAYEE></NAME>" + bank.row() + "</STMTTRN></X.Y>" + bank.row())
    assert (amounts(file), codes(file)) == (["-12.34", "-12.34"], {"stray_close"})


def test_frame_without_its_closing_tags_is_read(bank):
    data = bank.file(
        bank.statement(bank.row()), bank.statement(bank.row(TRNAMT="-2"), account=bank.checking.replace("6789", "9"))
    )
    for tag in (b"</STMTRS>", b"</STMTTRNRS>", b"</BANKMSGSRSV1>", b"</SIGNONMSGSRSV1>", b"</SONRS>"):
        data = data.replace(tag, b"")
    file = bank.read(data)
    assert (amounts(file), len(file.batch.accounts)) == (["-12.34", "-2"], 2)


def test_comments_and_instructions_between_rows_are_skipped(bank):
    file = bank.read_rows(bank.row() + "<!-- <STMTTRN> -->" + bank.row() + "<?x y?>" + bank.row())
    assert (len(file.batch.transactions), file.batch.rejected, file.batch.warnings) == (3, [], [])


def test_line_numbers_are_those_of_the_file(bank):
    data = bank.file(bank.statement(bank.row() + bank.row(TRNAMT="null") + bank.row(DTPOSTED="never", FITID="F9")))
    text = data.decode().split("\n")
    rejected = bank.read(data).batch.rejected
    assert ["STMTTRN" in text[record.line - 1] for record in rejected] == [True, True]
    assert [(record.field, record.reason, record.provider_id) for record in rejected] == [
        ("STMTTRN.TRNAMT", "bad_number", "F1"),
        ("STMTTRN.DTPOSTED", "bad_date", "F9"),
    ]


def test_file_cut_inside_a_row_is_refused(bank):
    data = bank.file(bank.statement(bank.row() * 3))
    for cut in range(data.index(b"<OFX>") + 6, len(data) - 7, 11):
        with pytest.raises(ProviderValidationError) as caught:
            bank.read(data[:cut])
        assert caught.value.code == "truncated"


def test_file_cut_behind_its_balance_is_read_on_request_only(bank, codes):
    data = bank.file(bank.statement(bank.row()))
    cut = data[: data.index(b"</STMTRS>")]
    with pytest.raises(ProviderValidationError):
        bank.read(cut)
    file = bank.read(cut, allow_truncated=True)
    assert (amounts(file), file.batch.accounts[0].balance) == (["-12.34"], Decimal("100.50"))
    assert "truncated" in codes(file)


@pytest.mark.parametrize("mark", [b"</BANKTRANLIST>", b"</STMTTRN>", b"<LEDGERBAL>", b"</LEDGERBAL>"])
def test_file_cut_before_its_balance_is_refused_even_on_request(bank, mark):
    data = bank.file(bank.statement(bank.row()))
    with pytest.raises(ProviderValidationError) as caught:
        bank.read(data[: data.index(mark)], allow_truncated=True)
    assert caught.value.code == "truncated"


def test_two_bodies_in_one_file_are_both_read(bank):
    one = bank.file(bank.statement(bank.row()))
    assert amounts(bank.read(one + one.replace(b"-12.34", b"-7"))) == ["-12.34", "-7"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_rows_do_not_depend_on_the_size_of_the_pieces(bank, size):
    rows = (
        bank.row(NAME="A&amp;B <![CDATA[<STMTTRN>]]> C<!-- -- -->D")
        + bank.row(MEMO="x" * 70_000)
        + bank.row(CURRENCY="<CURRATE>2<CURSYM>EUR</CURRENCY>", TRNAMT="1,000")
        + closed(bank.row(NAME="ÄÖ\r\nÜ", TRNAMT="null"))
        + bank.row() * 3
    )
    data = bank.file(bank.statement(rows))
    if size < 64:
        data = data.replace(b"x" * 70_000, b"x" * 70)
    whole = list(iter_rows(data))
    assert list(iter_rows(data, chunk_size=size)) == whole
    assert sum(isinstance(row, BankRow) for row in whole) == (6 if size < 64 else 5)


def test_text_over_the_limit_rejects_its_row_only(bank, codes):
    for name in ("NAME", "MEMO", "X.LONG", "TRNAMT"):
        file = bank.read_rows(bank.row(**{name: "y" * 65_537}) + bank.row())
        assert [(record.reason, record.field) for record in file.batch.rejected] == [("too_large", "STMTTRN")]
        assert (amounts(file), "text_too_long" in codes(file)) == (["-12.34"], True)
    assert bank.read_rows(bank.row(MEMO="y" * 65_000)).batch.rejected == []


def test_limits_of_rows_statements_and_depth_are_kept(bank):
    with pytest.raises(ProviderValidationError) as caught:
        bank.read(bank.file(bank.statement(bank.row() * 11)), max_rows=10)
    assert caught.value.code == "too_many_rows"
    with pytest.raises(ProviderValidationError) as caught:
        bank.read(bank.file(bank.statement() * 3), max_statements=2)
    assert caught.value.code == "too_many_statements"
    nested = "".join(f"<X{number}>" for number in range(20_000))
    with pytest.raises(ProviderValidationError) as caught:
        bank.read_rows(nested)
    assert caught.value.code == "too_deep"


@pytest.mark.parametrize(
    "poison",
    [
        "<" * 200_000,
        "<A " * 100_000,
        '<A x="' * 50_000,
        "<A x=1 x=1 x=1 x=1 x=1 x=1 x=1 x=1 x=1 " * 10_000,
        "</" * 100_000,
        "<X>" * 20_000,
        "<!--" + "-" * 200_000 + "-->",
        "<!---->" * 30_000,
        "<![CDATA[" + "]]" * 100_000 + "]]>",
        "<?" * 100_000,
        "&#" * 100_000,
        "&amp" * 100_000,
        " " * 300_000,
        "\n" * 300_000,
        "</X>" * 30_000,
        "<STATUS>" * 20_000,
        "<NAME>" * 30_000,
    ],
    ids=lambda poison: poison[:12].strip() or "blanks",
)
def test_hostile_content_between_rows_costs_no_more_than_its_length(bank, poison):
    file = bank.read_rows(bank.row() + poison + "\n" + bank.row())
    assert amounts(file) == ["-12.34", "-12.34"]


@pytest.mark.parametrize(
    "poison", ["<" * 60_000, "<A x='" * 9_000, "&#x" * 20_000, "<!----><?x?>" * 5_000, "(" * 60_000]
)
def test_hostile_content_inside_a_row_costs_no_more_than_its_length(bank, poison):
    file = bank.read_rows(bank.row(NAME=poison, TRNAMT="-1.50") + bank.row(TRNAMT=poison))
    assert (amounts(file), len(file.batch.rejected)) == (["-1.50"], 1)


def test_five_megabytes_of_text_are_refused_as_a_value_and_cost_no_row_after_it(bank):
    data = bank.file(bank.statement(bank.row(MEMO="z" * 5_000_000) + bank.row()))
    file = bank.read(data)
    assert (amounts(file), [record.reason for record in file.batch.rejected]) == (["-12.34"], ["too_large"])


def test_two_thousand_literal_names_stay_two_thousand_rows(bank):
    rows = "".join(bank.row(FITID=f"F{number}", NAME=f"<![CDATA[A & <B> {number}]]>") for number in range(2000))
    file = bank.read_rows(rows)
    assert [row.description for row in file.batch.transactions] == [f"A & <B> {number}" for number in range(2000)]
