"""Do the counts of a run add up, and does its report say what happened?"""

from hypothesis import given
from hypothesis import strategies as st

from bursar.domain.sync import (
    DataWarning,
    RecordBatch,
    RecordCounts,
    RecordKind,
    RejectedRecord,
    RejectReason,
    SyncReport,
    SyncStatus,
)

NAMES = ["created", "updated", "unchanged", "closed", "rejected"]
COUNTS = st.builds(RecordCounts, **dict.fromkeys(NAMES, st.integers(0, 10**6)))


def rejected(index: int = 0) -> RejectedRecord:
    return RejectedRecord(
        kind=RecordKind.TRANSACTION, index=index, reason=RejectReason.BAD_NUMBER, field="transactions.0.amount"
    )


@given(st.lists(COUNTS, max_size=6))
def test_counts_of_batches_add_up_name_by_name(batches: list[RecordCounts]) -> None:
    total = RecordCounts()
    for batch in batches:
        total.add(batch)

    assert total.to_dict() == {name: sum(getattr(batch, name) for batch in batches) for name in NAMES}


@given(COUNTS, COUNTS)
def test_adding_leaves_the_other_counts_alone(mine: RecordCounts, other: RecordCounts) -> None:
    before = other.to_dict()
    mine.add(other)

    assert other.to_dict() == before


def test_report_adds_every_noun_and_keeps_order() -> None:
    warning = DataWarning(code="sign_mismatch", message="A fee was positive.")
    first = SyncReport(accounts=RecordCounts(created=1), transactions=RecordCounts(created=2), rejected=[rejected(1)])
    second = SyncReport(
        transactions=RecordCounts(created=3, rejected=1),
        holdings=RecordCounts(closed=4),
        balances=RecordCounts(unchanged=5),
        warnings=[warning],
        rejected=[rejected(2)],
    )

    first.add(second)

    assert first.accounts == RecordCounts(created=1)
    assert first.transactions == RecordCounts(created=5, rejected=1)
    assert first.holdings == RecordCounts(closed=4)
    assert first.balances == RecordCounts(unchanged=5)
    assert first.warnings == [warning]
    assert [record.index for record in first.rejected] == [1, 2]


def test_reports_do_not_share_their_counts() -> None:
    one, other = SyncReport(), SyncReport()
    one.accounts.created += 1
    one.rejected.append(rejected())

    assert other == SyncReport()


def test_run_with_a_rejected_record_is_partial() -> None:
    assert SyncReport().status() is SyncStatus.SUCCEEDED
    assert SyncReport(warnings=[DataWarning(code="x", message="x")]).status() is SyncStatus.SUCCEEDED
    assert SyncReport(rejected=[rejected()]).status() is SyncStatus.PARTIAL


def test_batch_is_the_list_of_its_records_and_says_what_it_lacks() -> None:
    batch = RecordBatch([1, 2], rejected=[rejected()], closed=["gone"], complete=False, next_cursor="c")

    assert batch == [1, 2]
    assert (len(batch.rejected), batch.closed, batch.complete, batch.next_cursor) == (1, ["gone"], False, "c")
    assert (RecordBatch[int]().complete, RecordBatch[int]().warnings) == (True, [])


def test_rejected_record_does_not_show_the_account() -> None:
    record = RejectedRecord(
        kind=RecordKind.ACCOUNT,
        index=0,
        reason=RejectReason.MISSING_FIELD,
        field="accounts.0.name",
        provider_account_id="12345678901",
    )

    assert "12345678901" not in repr(record)
