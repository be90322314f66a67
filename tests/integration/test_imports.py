"""A file becomes rows of the ledger, once."""

from io import BytesIO

from bursar.bootstrap import Platform
from bursar.domain.result import Success
from bursar.domain.transactions import TransactionFilter
from bursar.services.imports import ImportRequest

STATEMENT = b"""OFXHEADER:100
DATA:OFXSGML
VERSION:102

<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>111000025<ACCTID>000123456789<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260101<DTEND>20260131
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-3.50<FITID>A1<NAME>COFFEE</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105<TRNAMT>-3.50<FITID>A2<NAME>COFFEE</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260131<TRNAMT>2500.00<FITID>A3<NAME>SALARY</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>3000.10<DTASOF>20260131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


async def test_equal_rows_survive_and_the_same_file_again_changes_nothing(platform: Platform) -> None:
    local = await platform.access.ensure_local_user()
    first = await platform.imports.import_file(
        local.tenant_id, local.user_id, ImportRequest(stream=BytesIO(STATEMENT), file_name="january.qfx")
    )
    assert isinstance(first, Success)
    assert first.value.transactions_imported == 3
    again = await platform.imports.import_file(
        local.tenant_id, local.user_id, ImportRequest(stream=BytesIO(STATEMENT), file_name="january.qfx")
    )
    assert isinstance(again, Success)
    assert again.value.replayed
    assert again.value.transactions_skipped == 3
    page = await platform.queries.list_transactions(local.tenant_id, TransactionFilter(), limit=10)
    assert sorted(str(row.amount) for row in page.rows) == ["-3.50", "-3.50", "2500.00"]
