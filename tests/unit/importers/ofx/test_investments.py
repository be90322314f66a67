"""Trades, positions, securities and balances of investment statements."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bursar.domain.transactions import ALLOWED_SUBTYPES

SECID = "<SECID><UNIQUEID>037833100<UNIQUEIDTYPE>CUSIP</SECID>"
TRAN = "<INVTRAN><FITID>T1<DTTRADE>20240115160000[-5:EST]<DTSETTLE>20240117<MEMO>a memo</INVTRAN>"


def security(
    kind: str = "STOCKINFO", name: str = "Acme Corp", ticker: str = "ACME", more: str = "", identity: str = SECID
):
    listed = f"<TICKER>{ticker}" if ticker else ""
    return f"<{kind}><SECINFO>{identity}<SECNAME>{name}{listed}</SECINFO>{more}</{kind}>"


def trade(
    element: str, *, inner: str = "", units: str = "10", price: str = "5", total: str = "-50", more: str = ""
) -> str:
    body = f"{TRAN}{SECID}"
    for name, value in (("UNITS", units), ("UNITPRICE", price)):
        body += f"<{name}>{value}" if value else ""
    body += more + (f"<TOTAL>{total}" if total else "") + "<SUBACCTSEC>CASH<SUBACCTFUND>CASH"
    if element.startswith(("BUY", "SELL")):
        wrapper = "INVBUY" if element.startswith("BUY") else "INVSELL"
        body = f"<{wrapper}>{body}</{wrapper}>"
    return f"<{element}>{body}{inner}</{element}>"


def position(
    element: str = "POSSTOCK",
    units: str = "10",
    price: str = "5",
    value: str = "50",
    more: str = "",
    identity: str = SECID,
):
    return (
        f"<{element}><INVPOS>{identity}<HELDINACCT>CASH<POSTYPE>LONG<UNITS>{units}<UNITPRICE>{price}<MKTVAL>{value}"
        f"<DTPRICEASOF>20240131160000[-5:EST]{more}</INVPOS></{element}>"
    )


SPLIT = trade("SPLIT", units="", price="", total="", more="<OLDUNITS>10<NEWUNITS>30<NUMERATOR>3<DENOMINATOR>1")


OPTION = security("OPTINFO", more="<OPTTYPE>CALL<STRIKEPRICE>12.5<DTEXPIRE>20240621<SHPERCTRCT>100")


@pytest.fixture
def read_trade(bank):
    def read(text: str, securities: str = security()):
        file = bank.read(bank.file(bank.investment(text, securities=securities)))
        assert file.batch.rejected == []
        record = file.batch.transactions[0]
        assert record.subtype in ALLOWED_SUBTYPES[record.transaction_type]
        return record, {warning.code for warning in file.batch.warnings}

    return read


@pytest.mark.parametrize(
    ("text", "kind", "quantity", "amount"),
    [
        (trade("BUYSTOCK", inner="<BUYTYPE>BUY"), "trade/buy", "10", "-50"),
        (trade("BUYMF"), "trade/buy", "10", "-50"),
        (trade("BUYDEBT"), "trade/buy", "10", "-50"),
        (trade("BUYOPT", total="-5000"), "trade/buy", "10", "-5000"),
        (trade("BUYOTHER"), "trade/buy", "10", "-50"),
        (trade("BUYSTOCK", inner="<BUYTYPE>BUYTOCOVER"), "trade/buy_to_cover", "10", "-50"),
        (trade("BUYOPT", inner="<OPTBUYTYPE>BUYTOCLOSE"), "trade/buy_to_cover", "10", "-50"),
        (trade("BUYMF", units="-10", total="50"), "trade/buy", "-10", "50"),
        (trade("SELLSTOCK", units="-10", total="50"), "trade/sell", "-10", "50"),
        (trade("SELLSTOCK", units="10", total="50"), "trade/sell", "-10", "50"),
        (trade("SELLMF", units="-10", total="50"), "trade/sell", "-10", "50"),
        (trade("SELLDEBT", units="-10", total="50"), "trade/sell", "-10", "50"),
        (trade("SELLOTHER", units="-10", total="50"), "trade/sell", "-10", "50"),
        (trade("SELLSTOCK", inner="<SELLTYPE>SELLSHORT", total="50"), "trade/short_sell", "-10", "50"),
        (trade("SELLOPT", inner="<OPTSELLTYPE>SELLTOOPEN", total="50"), "trade/short_sell", "-10", "50"),
        (trade("REINVEST", more="<INCOMETYPE>DIV"), "trade/reinvest", "10", "0"),
        (trade("INCOME", units="", price="", total="7", more="<INCOMETYPE>DIV"), "income/dividend", None, "7"),
        (trade("INCOME", units="", price="", total="7", more="<INCOMETYPE>INTEREST"), "income/interest", None, "7"),
        (trade("INCOME", units="", price="", total="7", more="<INCOMETYPE>CGLONG"), "income/capital_gain", None, "7"),
        (trade("INCOME", units="", price="", total="7", more="<INCOMETYPE>CGSHORT"), "income/capital_gain", None, "7"),
        (trade("INCOME", units="", price="", total="7", more="<INCOMETYPE>MISC"), "income/distribution", None, "7"),
        (trade("RETOFCAP", units="", price="", total="7"), "income/return_of_capital", None, "7"),
        (trade("TRANSFER", total="", more="<TFERACTION>IN"), "transfer/transfer_in", "10", "0"),
        (trade("TRANSFER", total="", more="<TFERACTION>OUT"), "transfer/transfer_out", "-10", "0"),
        (trade("TRANSFER", units="-10", total="", more="<TFERACTION>OUT"), "transfer/transfer_out", "-10", "0"),
        (trade("TRANSFER", units="-10", total=""), "transfer/transfer_out", "-10", "0"),
        (SPLIT, "trade/split", "20", "0"),
        (trade("CLOSUREOPT", units="-1", price="", total="", more="<OPTACTION>EXERCISE"), "trade/exercise", "-1", "0"),
        (trade("CLOSUREOPT", units="1", price="", total="", more="<OPTACTION>ASSIGN"), "trade/assignment", "1", "0"),
        (trade("CLOSUREOPT", units="-1", price="", total="", more="<OPTACTION>EXPIRE"), "trade/expiration", "-1", "0"),
        (f"<JRNLFUND>{TRAN}<SUBACCTTO>MARGIN<SUBACCTFROM>CASH<TOTAL>70</JRNLFUND>", "transfer/internal", None, "0"),
        (f"<JRNLSEC>{TRAN}{SECID}<SUBACCTTO>MARGIN<SUBACCTFROM>CASH<UNITS>7</JRNLSEC>", "transfer/internal", None, "0"),
        (f"<MARGININTEREST>{TRAN}<TOTAL>-3<SUBACCTFUND>MARGIN</MARGININTEREST>", "fee/margin_interest", None, "-3"),
        (f"<INVEXPENSE>{TRAN}{SECID}<TOTAL>-3<SUBACCTFUND>CASH</INVEXPENSE>", "fee/other_fee", None, "-3"),
        (f"<STRANGEINVTRAN>{TRAN}<TOTAL>-3</STRANGEINVTRAN>", "other/other", None, "-3"),
    ],
)  # fmt: skip
def test_each_element_has_its_kind_quantity_and_cash(read_trade, text, kind, quantity, amount):
    record, _ = read_trade(text)
    assert f"{record.transaction_type}/{record.subtype}" == kind
    assert (record.quantity, record.amount) == (None if quantity is None else Decimal(quantity), Decimal(amount))
    assert (record.transaction_date, record.settlement_date) == (date(2024, 1, 15), date(2024, 1, 17))
    assert (record.provider_transaction_id, record.memo) == ("T1", "a memo")
    assert record.occurred_at == datetime(2024, 1, 15, 21, tzinfo=UTC)


def test_income_of_a_reinvestment_is_kept_beside_it(read_trade):
    record, _ = read_trade(trade("REINVEST", more="<INCOMETYPE>CGLONG"))
    assert record.raw_data["income"] == {"type": "CGLONG", "total": "-50"}


def test_unknown_element_is_kept_with_a_warning(read_trade):
    _, codes = read_trade(f"<STRANGEINVTRAN>{TRAN}<TOTAL>-3</STRANGEINVTRAN>")
    assert codes == {"unknown_transaction"}


def test_buy_that_brings_money_is_kept_with_a_warning(read_trade):
    record, codes = read_trade(trade("BUYSTOCK", total="50"))
    assert (record.quantity, record.amount, codes) == (10, 50, {"sign_mismatch"})


def test_charges_that_are_absent_are_unknown_and_not_zero(read_trade):
    record, _ = read_trade(trade("BUYSTOCK"))
    assert (record.commission, record.fees) == (None, None)
    record, _ = read_trade(trade("BUYSTOCK", total="-53.50", more="<COMMISSION>1<TAXES>0.5<FEES>1<LOAD>1"))
    assert (record.commission, record.fees) == (1, Decimal("2.5"))
    record, _ = read_trade(trade("INCOME", units="", price="", total="7", more="<INCOMETYPE>DIV<WITHHOLDING>2"))
    assert record.fees == 2


@pytest.mark.parametrize(
    ("text", "listed", "multiplier", "warned"),
    [
        (trade("BUYSTOCK"), security(), "1", set()),
        (trade("BUYDEBT", units="5000", price="98.5", total="-4925"), security("DEBTINFO"), "0.01", set()),
        (trade("BUYOPT", units="2", price="1.5", total="-300"), OPTION, "100", set()),
        (trade("BUYOPT", units="2", price="1.5", total="-300"), security("OPTINFO"), "100", set()),
        (trade("BUYOPT", units="2", price="1.5", total="-30"), security("OPTINFO", more="<SHPERCTRCT>10"), "10", set()),
        (trade("BUYSTOCK", total="-77"), security(), "1", {"inconsistent_trade"}),
        (trade("BUYSTOCK", total="-77", more="<COMMISSION>20<FEES>7"), security(), "1", set()),
    ],
)  # fmt: skip
def test_factor_between_price_and_total_is_found(read_trade, text, listed, multiplier, warned):
    record, codes = read_trade(text, listed)
    assert (record.multiplier, codes) == (Decimal(multiplier), warned)


def test_terms_of_an_option_are_kept_beside_its_trade(read_trade):
    record, _ = read_trade(trade("BUYOPT", units="2", price="1.5", total="-300"), OPTION)
    assert record.asset_type == "option"
    terms = {name: record.raw_data[name] for name in ("opttype", "strikeprice", "dtexpire", "shperctrct")}
    assert terms == {"opttype": "CALL", "strikeprice": "12.5", "dtexpire": "20240621", "shperctrct": "100"}


def test_reversal_deletes_the_row_that_it_names(read_trade):
    record, _ = read_trade(trade("BUYSTOCK").replace("<MEMO>", "<REVERSALFITID>T0<MEMO>"))
    assert (record.corrects_transaction_id, record.correction) == ("T0", "delete")


def test_trade_in_another_currency_is_converted(read_trade):
    record, _ = read_trade(trade("BUYSTOCK", more="<COMMISSION>0<CURRENCY><CURRATE>1.5<CURSYM>EUR</CURRENCY>"))
    assert (record.amount, record.unit_price, record.original_amount) == (-75, Decimal("7.5"), -50)
    assert (record.original_currency, record.fx_rate) == ("EUR", Decimal("1.5"))


@pytest.mark.parametrize(
    ("text", "reason", "field"),
    [
        (trade("BUYSTOCK", units=""), "bad_number", "BUYSTOCK.UNITS"),
        (trade("BUYSTOCK", total="null"), "bad_number", "BUYSTOCK.TOTAL"),
        (trade("BUYSTOCK", total=""), "bad_number", "BUYSTOCK.TOTAL"),
        (trade("BUYSTOCK").replace("20240115160000[-5:EST]", "20240231"), "bad_date", "BUYSTOCK.DTTRADE"),
        (trade("BUYSTOCK").replace("<DTTRADE>20240115160000[-5:EST]", ""), "bad_date", "BUYSTOCK.DTTRADE"),
        (trade("BUYSTOCK").replace(SECID, ""), "missing_field", "BUYSTOCK.SECID.UNIQUEID"),
        (trade("BUYSTOCK", more="<CURRENCY><CURSYM>EUR</CURRENCY>"), "inconsistent", "BUYSTOCK.CURRENCY.CURRATE"),
        (trade("BUYSTOCK").replace("a memo", "m" * 70_000), "too_large", "BUYSTOCK"),
    ],
)
def test_unreadable_trade_is_rejected_and_the_next_one_read(bank, text, reason, field):
    file = bank.read(bank.file(bank.investment(text + trade("SELLSTOCK", total="50"), securities=security())))
    assert [(record.reason, record.field, record.provider_id) for record in file.batch.rejected] == [
        (reason, field, "T1")
    ]
    assert [record.subtype for record in file.batch.transactions] == ["sell"]
    assert file.rows_read == 2


def test_bank_rows_inside_an_investment_statement_are_bank_rows(bank):
    for row in (bank.row(TRNTYPE="INT", TRNAMT="1.5"), bank.row(TRNTYPE="INT", TRNAMT="1.5", PAYEE="<NAME>x</PAYEE>")):
        text = f"<INVBANKTRAN>{row}<SUBACCTFUND>CASH</INVBANKTRAN>"
        file = bank.read(bank.file(bank.investment(text + trade("BUYSTOCK") + text, securities=security())))
        assert sorted(record.subtype for record in file.batch.transactions) == ["buy", "interest", "interest"]
        assert file.rows_read == 3


@pytest.mark.parametrize(
    ("listed", "symbol", "name", "asset_type", "warned"),
    [
        (security(), "ACME", "Acme Corp", "equity", set()),
        (security(name="Acme 500 ETF"), "ACME", "Acme 500 ETF", "etf", set()),
        (security("MFINFO", "Acme Growth"), "ACME", "Acme Growth", "mutual_fund", set()),
        (security("MFINFO", "Acme Money Market Fund"), "ACME", "Acme Money Market Fund", "cash_equivalent", set()),
        (security("DEBTINFO", "Acme 5% 2030"), "ACME", "Acme 5% 2030", "fixed_income", set()),
        (security("OTHERINFO", "Acme Trust"), "ACME", "Acme Trust", "other", set()),
        (security(ticker=""), "037833100", "Acme Corp", "equity", {"no_ticker"}),
        ("", "037833100", "037833100", "equity", {"no_ticker"}),
        (security(identity=SECID.replace("CUSIP", "cusip")), "ACME", "Acme Corp", "equity", set()),
        (security(identity=SECID.replace("0378", "9999")), "037833100", "037833100", "equity", {"no_ticker"}),
    ],
)
def test_security_is_found_by_its_id_wherever_the_list_stands(read_trade, listed, symbol, name, asset_type, warned):
    record, codes = read_trade(trade("BUYSTOCK"), listed)
    assert (record.symbol, record.security_name, record.asset_type) == (symbol, name, asset_type)
    assert (record.security_id, record.security_id_type, codes) == ("037833100", "cusip", warned)


def test_ticker_as_identity_is_the_symbol(read_trade):
    text = trade("BUYMF").replace(SECID, "<SECID><UNIQUEID>ACMEX<UNIQUEIDTYPE>TICKER</SECID>")
    record, codes = read_trade(text, "")
    assert (record.symbol, record.security_id_type, record.asset_type, codes) == (
        "ACMEX",
        "ticker",
        "mutual_fund",
        set(),
    )


def holdings(bank, positions: str, **parts: str):
    parts = {"securities": security()} | parts
    return bank.read(bank.file(bank.investment(positions=f"<INVPOSLIST>{positions}</INVPOSLIST>", **parts)))


def test_position_has_its_value_and_an_unknown_cost(bank):
    listing = holdings(bank, position()).batch.holdings[0]
    assert (listing.complete, listing.as_of) == (True, datetime(2024, 1, 31, 21, tzinfo=UTC))
    held = listing.holdings[0]
    assert (held.quantity, held.market_value, held.current_price, held.cost_basis) == (10, 50, 5, None)
    assert (held.price_on, held.symbol, held.provider_holding_id) == (date(2024, 1, 31), "ACME", "cusip:037833100")


@pytest.mark.parametrize("sign", ["", "-"])
def test_short_position_is_negative_whichever_sign_was_sent(bank, sign):
    text = position(units=f"{sign}10", value=f"{sign}50").replace("LONG", "SHORT")
    held = holdings(bank, text).batch.holdings[0].holdings[0]
    assert (held.quantity, held.market_value) == (-10, -50)


def test_positions_in_one_security_keep_distinct_ids(bank):
    texts = (
        position(), position(), position().replace("LONG", "SHORT"), position(more="<INV401KSOURCE>MATCH"),
        position(more="<INV401KSOURCE>PRETAX"), position().replace("<HELDINACCT>CASH", "<HELDINACCT>MARGIN"),
    )  # fmt: skip
    held = holdings(bank, "".join(texts)).batch.holdings[0].holdings
    assert len({entry.provider_holding_id for entry in held}) == 6


@pytest.mark.parametrize(
    ("element", "listed", "price", "value", "warned"),
    [
        ("POSDEBT", "DEBTINFO", "98", "9.80", False),
        ("POSOPT", "OPTINFO", "1.5", "1500", False),
        ("POSMF", "MFINFO", "5", "50", False),
        ("POSOTHER", "OTHERINFO", "5", "5000", True),
    ],
)
def test_quantity_that_does_not_explain_the_value_is_noticed(bank, codes, element, listed, price, value, warned):
    file = holdings(bank, position(element, price=price, value=value), securities=security(listed))
    assert ("quantity_suspect" in codes(file)) == warned


def test_unreadable_position_makes_the_list_incomplete(bank):
    file = holdings(bank, position() + position(units="n/a") + position(identity=""))
    assert [(record.kind, record.field) for record in file.batch.rejected] == [
        ("holding", "POSSTOCK.UNITS"),
        ("holding", "POSSTOCK.SECID.UNIQUEID"),
    ]
    assert (file.batch.holdings[0].complete, len(file.batch.holdings[0].holdings)) == (False, 1)


def test_no_list_of_positions_says_nothing_and_an_empty_one_says_none(bank):
    assert bank.read(bank.file(bank.investment())).batch.holdings == []
    assert [(listing.holdings, listing.complete) for listing in holdings(bank, "").batch.holdings] == [([], True)]


CASH = "<INVBAL><AVAILCASH>{}<MARGINBALANCE>0<SHORTBALANCE>0{}</INVBAL>"
TOTALS = (
    "<BALLIST><BAL><NAME>Funds<DESC>x<BALTYPE>DOLLAR<VALUE>1</BAL><BAL><NAME>Net Worth<DESC>x<VALUE>99</BAL></BALLIST>"
)


@pytest.mark.parametrize(
    ("positions", "balance", "extra", "expected"),
    [
        (position(), CASH.format("25.5", ""), "", ("75.5", "25.5")),
        (position(), CASH.format("-25", ""), "", ("25", "-25")),
        ("", CASH.format("25", ""), "", ("25", "25")),
        (position(value=""), CASH.format("25", ""), "", (None, "25")),
        (position(), CASH.format("", TOTALS), "", ("99", None)),
        (position(), "", "", (None, None)),
        (position(), CASH.format("oops", ""), "", (None, None)),
        (position(), "", "<INV401KBAL><PRETAX>20<TOTAL>70</INV401KBAL>", ("70", None)),
    ],
)
def test_worth_of_an_account_is_cash_and_positions_or_unknown(bank, positions, balance, extra, expected):
    account = holdings(bank, positions, balance=balance, extra=extra).batch.accounts[0]
    worth, cash = expected
    assert (account.balance if account.balance_known else None) == (None if worth is None else Decimal(worth))
    assert account.cash_balance == (None if cash is None else Decimal(cash))


def test_plan_accounts_are_told_by_what_the_statement_holds(bank):
    def kind(**parts):
        return bank.read(bank.file(bank.investment(**parts))).batch.accounts[0].account_type

    assert kind() == "brokerage"
    assert kind(extra="<INV401K><EMPLOYERNAME>x</INV401K>") == "401k"
    assert kind(extra="<INV401KBAL><TOTAL>1</INV401KBAL>") == "401k"
    assert kind(positions="<INVPOSLIST>" + position(more="<INV401KSOURCE>MATCH") + "</INVPOSLIST>") == "401k"


def test_account_list_tells_which_plan_a_statement_is_about(bank):
    info = (
        "<SIGNUPMSGSRSV1><ACCTINFOTRNRS><ACCTINFORS><ACCTINFO><INVACCTINFO><INVACCTFROM><BROKERID>broker.example"
        "<ACCTID>X99-1234567</INVACCTFROM><USPRODUCTTYPE>SEP</INVACCTINFO></ACCTINFO></ACCTINFORS></ACCTINFOTRNRS>"
        "</SIGNUPMSGSRSV1>"
    )
    for order in ((info, bank.investment()), (bank.investment(), info)):
        accounts = bank.read(bank.file(*order)).batch.accounts
        assert [account.account_type for account in accounts] == ["sep_ira"]


def test_newest_list_of_positions_wins_in_either_order(bank):
    def statement(day: str, units: str):
        text = bank.investment(
            positions=f"<INVPOSLIST>{position(units=units, value='')}</INVPOSLIST>", securities=security()
        )
        return text.replace("<DTASOF>20240131160000[-5:EST]", f"<DTASOF>{day}")

    for order in (("20240131", "20240229"), ("20240229", "20240131")):
        file = bank.read(bank.file(*(statement(day, day[-4:]) for day in order)))
        assert [[held.quantity for held in listing.holdings] for listing in file.batch.holdings] == [[Decimal(229)]]
