"""Several statements, accounts, balances, institutions and statuses in one file."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bursar.ports.errors import ProviderValidationError

CARD = "<CCACCTFROM><ACCTID>4111111111119876</CCACCTFROM>"
ERROR = (
    "<BANKMSGSRSV1><STMTTRNRS><TRNUID>2<STATUS><CODE>2003<SEVERITY>ERROR<MESSAGE>no</STATUS></STMTTRNRS></BANKMSGSRSV1>"
)


def ledger(amount: str, on: str = "20240131") -> str:
    return f"<LEDGERBAL><BALAMT>{amount}<DTASOF>{on}</LEDGERBAL>"


def bank_account(kind: str, number: str = "000123456789") -> str:
    return f"<BANKACCTFROM><BANKID>0021<ACCTID>{number}<ACCTTYPE>{kind}</BANKACCTFROM>"


@pytest.mark.parametrize(
    ("account", "kind", "account_type", "name"),
    [
        (bank_account("CHECKING"), "STMT", "checking", "NORTHBANK Checking ****6789"),
        (bank_account("SAVINGS"), "STMT", "savings", "NORTHBANK Savings ****6789"),
        (bank_account("MONEYMRKT"), "STMT", "money_market", "NORTHBANK Money market ****6789"),
        (bank_account("CD"), "STMT", "cd", "NORTHBANK CD ****6789"),
        (bank_account("CREDITLINE"), "STMT", "line_of_credit", "NORTHBANK Line of credit ****6789"),
        (bank_account(""), "STMT", "other", "NORTHBANK Account ****6789"),
        (bank_account("GIRO"), "STMT", "other", "NORTHBANK Account ****6789"),
        (bank_account("CHECKING", "123"), "STMT", "checking", "NORTHBANK Checking ****"),
        (CARD, "CCSTMT", "credit_card", "NORTHBANK Credit card ****9876"),
        (
            "<LOANACCTFROM><LOANACCTID>L5550001<LOANACCTTYPE>AUTO</LOANACCTFROM>",
            "LOANSTMT",
            "loan",
            "NORTHBANK Loan ****0001",
        ),
        (
            "<LOANACCTFROM><LOANACCTID>L5550001<LOANACCTTYPE>MORTGAGE</LOANACCTFROM>",
            "LOANSTMT",
            "mortgage",
            "NORTHBANK Mortgage ****0001",
        ),
    ],
)
def test_account_is_typed_and_named_without_its_number(bank, account, kind, account_type, name):
    record = bank.read_rows("", account=account, kind=kind).batch.accounts[0]
    assert (record.account_type, record.name, record.id_is_sensitive) == (account_type, name, True)
    assert "123456" not in record.account_number_masked + record.name


def test_identity_ignores_blanks_and_dashes_and_keeps_leading_zeros(bank):
    def identity(account, **parts):
        return bank.read_rows("", account=account, **parts).batch.accounts[0].provider_account_id

    one = identity(bank_account("CHECKING", "0012-34 56"))
    assert one == identity(bank_account("CHECKING", "00123456")) == identity(bank_account("", "00 12 34 56"))
    assert one != identity(bank_account("CHECKING", "123456"))
    assert one != identity(bank_account("SAVINGS", "00123456"))
    assert identity(bank_account("SAVINGS")) == identity(bank_account("MONEYMRKT"))
    assert one != identity(bank_account("CHECKING", "00123456").replace("0021", "0022"))


@pytest.mark.parametrize(
    ("signs", "slug", "institution"),
    [
        ("<FI><ORG>B1<FID>10898</FI>", "chase_file", "10898"),
        ("<FI><ORG>B1</FI>", "chase_file", "B1"),
        ("<FI><ORG>Chase Bank</FI>", "chase_file", "Chase Bank"),
        ("<INTU.BID>10898", "chase_file", "10898"),
        ("<FI><ORG>NORTHBANK<FID>4242</FI>", "ofx_file", "4242"),
        ("<FI><ORG>PURCHASE BANK</FI>", "ofx_file", "PURCHASE BANK"),
        ("<INTU.BID>3000", "ofx_file", "3000"),
        ("", "ofx_file", None),
    ],
)
def test_institution_in_the_file_selects_the_provider(bank, signs, slug, institution):
    sign_on = f"<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS>{signs}</SONRS></SIGNONMSGSRSV1>"
    file = bank.read(bank.file(bank.statement(), sign_on=sign_on))
    assert (file.provider_slug, file.institution_id) == (slug, institution)


def test_chase_writes_dollars_when_it_names_no_currency(bank):
    sign_on = bank.sign_on.replace("4242", "10898")
    file = bank.read(bank.file(bank.statement(bank.row(), currency=""), sign_on=sign_on))
    assert {row.currency for row in file.batch.transactions} == {"USD"}


def test_masked_number_is_noticed(bank, codes):
    assert "masked_account_id" in codes(bank.read_rows("", account=bank_account("CHECKING", "XXXX1234")))
    assert "masked_account_id" in codes(bank.read_rows("", account=bank_account("CHECKING", "****1234")))
    assert "masked_account_id" not in codes(bank.read_rows("", account=bank_account("CHECKING", "X1234567")))


def test_several_accounts_keep_their_own_rows_and_equal_ids(bank):
    data = bank.file(
        bank.statement(bank.row(FITID="1", TRNAMT="-1")),
        bank.statement(bank.row(FITID="1", TRNAMT="-2"), account=CARD, kind="CCSTMT", balance=ledger("-40.00")),
        bank.investment(),
    )
    file = bank.read(data)
    ids = [account.provider_account_id for account in file.batch.accounts]
    assert [account.account_type for account in file.batch.accounts] == ["checking", "credit_card", "brokerage"]
    assert [(row.provider_account_id, row.amount) for row in file.batch.transactions] == [(ids[0], -1), (ids[1], -2)]
    assert (file.rows_read, file.needs_account) == (2, False)
    assert (file.period_start, file.period_end) == (date(2024, 1, 1), date(2024, 1, 31))


def test_two_statements_of_one_account_are_one_with_the_latest_balance(bank):
    newer = bank.statement(bank.row(FITID="2"), balance=ledger("300", "20240229"))
    older = bank.statement(bank.row(FITID="1"), balance=ledger("200", "20240131"))
    for order in ((newer, older), (older, newer)):
        batch = bank.read(bank.file(*order)).batch
        assert len(batch.accounts) == 1
        assert (batch.accounts[0].balance, batch.accounts[0].balance_on) == (300, date(2024, 2, 29))
        assert sorted(row.provider_transaction_id for row in batch.transactions) == ["1", "2"]
        assert [(entry.balance, entry.on) for entry in batch.balances] == [(200, date(2024, 1, 31))]


@pytest.mark.parametrize(
    "balance", ["", ledger(""), ledger("  "), ledger("N/A"), "<LEDGERBAL></LEDGERBAL>", "<LEDGERBAL/>"]
)
def test_missing_or_unreadable_balance_is_unknown_and_never_zero(bank, codes, balance):
    file = bank.read_rows(bank.row(), balance=balance)
    assert file.batch.accounts[0].balance_known is False
    assert ("balance_unreadable" in codes(file)) == ("N/A" in balance)


def test_balance_keeps_its_day_and_its_instant(bank):
    account = bank.read_rows("", balance=ledger("5", "20240131233000[-5:EST]")).batch.accounts[0]
    assert (account.balance_on, account.balance_as_of) == (date(2024, 1, 31), datetime(2024, 2, 1, 4, 30, tzinfo=UTC))
    assert bank.read_rows("", balance=ledger("0.00")).batch.accounts[0].balance_known is True


def test_available_credit_of_a_card_is_a_limit_and_not_cash(bank):
    available = "<AVAILBAL><BALAMT>600<DTASOF>20240131</AVAILBAL>"
    card = bank.read_rows("", account=CARD, kind="CCSTMT", balance=ledger("-400") + available).batch.accounts[0]
    assert (card.balance, card.available_balance, card.credit_limit) == (-400, None, 1000)
    checking = bank.read_rows("", balance=ledger("400") + available).batch.accounts[0]
    assert (checking.available_balance, checking.credit_limit) == (600, None)


def test_positive_card_balance_is_kept_and_noticed_when_its_rows_disagree(bank, codes):
    file = bank.read_rows(bank.row(), account=CARD, kind="CCSTMT", balance=ledger("12.34"))
    assert (file.batch.accounts[0].balance, codes(file)) == (Decimal("12.34"), {"balance_sign_suspect"})
    refunded = bank.read_rows(
        bank.row(TRNTYPE="CREDIT", TRNAMT="12.34"), account=CARD, kind="CCSTMT", balance=ledger("5")
    )
    assert codes(refunded) == set()


def test_loan_is_owed_whatever_sign_was_sent(bank):
    loan = "<LOANACCTFROM><LOANACCTID>L5550001<LOANACCTTYPE>AUTO</LOANACCTFROM>"
    for amount in ("9000", "-9000"):
        assert (
            bank.read_rows("", account=loan, kind="LOANSTMT", balance=ledger(amount)).batch.accounts[0].balance == -9000
        )


@pytest.mark.parametrize("status", ["<CODE>0<SEVERITY>INFO", "<CODE>0", ""])
def test_good_status_says_nothing(bank, codes, status):
    data = bank.file(bank.statement(bank.row())).replace(b"<CODE>0<SEVERITY>INFO", status.encode())
    assert codes(bank.read(data)) == set()


def test_notice_beside_a_statement_is_passed_on(bank, codes):
    data = bank.file(bank.statement(bank.row())).replace(
        b"<TRNUID>1<STATUS><CODE>0<SEVERITY>INFO", b"<TRNUID>1<STATUS><CODE>2028<SEVERITY>WARN"
    )
    assert codes(bank.read(data)) == {"status_not_ok"}


def test_refused_statement_beside_a_good_one_costs_only_itself(bank, codes):
    for order in ((ERROR, bank.statement(bank.row())), (bank.statement(bank.row()), ERROR)):
        file = bank.read(bank.file(*order))
        assert len(file.batch.transactions) == 1
        assert codes(file) == {"status_not_ok", "statement_refused"}


@pytest.mark.parametrize(
    ("body", "sign_on", "status"),
    [
        (ERROR, None, "2003"),
        (ERROR.replace("<SEVERITY>ERROR", ""), None, "2003"),
        ("", "<SIGNONMSGSRSV1><SONRS><STATUS><CODE>15500<SEVERITY>ERROR</STATUS></SONRS></SIGNONMSGSRSV1>", "15500"),
    ],
)
def test_nothing_but_errors_is_an_error(bank, body, sign_on, status):
    with pytest.raises(ProviderValidationError) as caught:
        bank.read(bank.file(body, sign_on=bank.sign_on if sign_on is None else sign_on))
    assert (caught.value.code, caught.value.upstream_code) == ("statement_refused", status)


def test_sign_on_alone_is_no_statement(bank):
    with pytest.raises(ProviderValidationError) as caught:
        bank.read(bank.file())
    assert caught.value.code == "no_statement"


def test_list_of_accounts_without_statements_gives_accounts(bank, codes):
    infos = (
        "<SIGNUPMSGSRSV1><ACCTINFOTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><ACCTINFORS><DTACCTUP>20240101"
        f"<ACCTINFO><DESC>EVERYDAY<BANKACCTINFO>{bank_account('CHECKING')}<SUPTXDL>Y</BANKACCTINFO></ACCTINFO>"
        f"<ACCTINFO><DESC>CARD<CCACCTINFO>{CARD}<SUPTXDL>Y</CCACCTINFO></ACCTINFO>"
        "<ACCTINFO><INVACCTINFO><INVACCTFROM><BROKERID>b<ACCTID>778899</INVACCTFROM><USPRODUCTTYPE>ROTH</INVACCTINFO>"
        "</ACCTINFO></ACCTINFORS></ACCTINFOTRNRS></SIGNUPMSGSRSV1>"
    )
    file = bank.read(bank.file(infos), default_currency="USD")
    assert [account.account_type for account in file.batch.accounts] == ["checking", "credit_card", "roth_ira"]
    assert {account.balance_known for account in file.batch.accounts} == {False}
    assert (file.rows_read, codes(file)) == (0, {"accounts_only"})
    without = bank.read(bank.file(infos))
    assert [(record.kind, record.reason) for record in without.batch.rejected] == [("account", "unknown_currency")] * 3


def test_empty_list_is_a_statement_with_a_balance(bank):
    for rows in ("", "<BANKTRANLIST/>"):
        file = bank.read_rows(rows)
        assert (file.rows_read, file.batch.accounts[0].balance) == (0, Decimal("100.50"))


def test_bare_list_needs_to_be_told_its_account(bank, codes):
    data = bank.file(f"<BANKTRANLIST><DTSTART>20240101<DTEND>20240131{bank.row()}</BANKTRANLIST>")
    file = bank.read(data, default_currency="EUR")
    assert (file.needs_account, file.batch.accounts) == (True, [])
    assert [(row.provider_account_id, row.currency) for row in file.batch.transactions] == [("", "EUR")]
    assert codes(file) == {"content_outside_statement"}


@pytest.mark.parametrize("currency", ["", "XYZ", "DOLLARS"])
def test_statement_without_a_known_currency_is_rejected_row_by_row(bank, codes, currency):
    file = bank.read_rows(bank.row() * 2, currency=currency)
    assert (file.batch.transactions, file.batch.accounts) == ([], [])
    assert [(record.kind, record.reason) for record in file.batch.rejected] == [
        ("account", "unknown_currency"),
        ("transaction", "unknown_currency"),
        ("transaction", "unknown_currency"),
    ]
    assert "currency_missing" in codes(file)
    given = bank.read(bank.file(bank.statement(bank.row(), currency=currency)), default_currency="NZD")
    assert {row.currency for row in given.batch.transactions} == {"NZD"}


def test_currency_that_all_rows_agree_on_at_par_is_the_accounts(bank, codes):
    row = bank.row(CURRENCY="<CURRATE>1.0000<CURSYM>AUD</CURRENCY>")
    file = bank.read_rows(row * 2, currency="")
    assert ({entry.currency for entry in file.batch.transactions}, codes(file)) == ({"AUD"}, {"currency_inferred"})
    assert bank.read_rows(row + bank.row(), currency="").batch.transactions == []


def test_one_number_in_two_currencies_is_two_accounts(bank):
    file = bank.read(
        bank.file(
            bank.statement(bank.row()), bank.statement(bank.row(), currency="EUR", balance=ledger("9", "20240229"))
        )
    )
    dollars, euros = file.batch.accounts
    assert (dollars.currency, dollars.balance) == ("USD", Decimal("100.50"))
    assert (euros.currency, euros.balance) == ("EUR", Decimal(9))
    assert [(row.currency, row.provider_account_id) for row in file.batch.transactions] == [
        ("USD", dollars.provider_account_id),
        ("EUR", euros.provider_account_id),
    ]
