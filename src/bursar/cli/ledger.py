"""What is in the ledger? (Accounts, transactions, changes, proof.)."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from bursar.cli.output import emit_json, make_console, say, short, show_table, when
from bursar.cli.session import Session, run, unwrap

if TYPE_CHECKING:
    from rich.console import Console

    from bursar.domain.accounts import Account
    from bursar.domain.gaps import BalanceGap
    from bursar.domain.transactions import Transaction, TransactionChange
    from bursar.services.proof import AccountProof

Json = Annotated[bool, typer.Option("--json", help="Answer for programs: decimals as strings, ISO dates.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")]
_EVERYTHING = 10_000
_GAP_EXIT_CODE = 3


def accounts(as_json: Json = False) -> None:
    """List the accounts with their balances."""

    async def command(session: Session) -> "list[Account]":
        listed, _ = await session.platform.queries.list_accounts(session.tenant_id, limit=_EVERYTHING)
        return listed

    listed = run(command)
    if as_json:
        emit_json({"accounts": [account_members(account) for account in listed]})
    elif listed:
        show_accounts(listed)
    else:
        say("No accounts yet: bursar import FILE, or bursar connect PROVIDER.")


def account_members(account: "Account") -> Mapping[str, object]:
    """Return an account for a program; a balance that nobody stated is null."""
    members = asdict(account)
    if not account.balance_known:
        members["balance"] = None
    return members


def show_accounts(listed: "list[Account]", console: "Console | None" = None) -> None:
    """Show accounts for people."""
    from bursar.domain.money import format_amount

    show_table(
        ["Id", "Institution", "Account", "Number", "Type", ">Balance", "", "Status", "Read at (UTC)"],
        [
            [
                short(account.id),
                account.institution_name or "",
                account.name,
                account.account_number_masked,
                account.account_type,
                format_amount(account.balance, account.currency) if account.balance_known else "unknown",
                account.currency,
                "missing" if account.missing_since else "active" if account.is_active else "closed",
                when(account.last_synced_at),
            ]
            for account in listed
        ],
        console=console,
    )


def transactions(
    account: Annotated[str | None, typer.Option(help="Only this account: its id, or the id's ending.")] = None,
    start: Day = None,
    end: Day = None,
    text: Annotated[str | None, typer.Option(help="Only rows that contain this text.")] = None,
    status: Annotated[str | None, typer.Option(help="pending, settled, failed or cancelled.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_EVERYTHING)] = 50,
    as_json: Json = False,
) -> None:
    """List transactions, the newest first."""
    from bursar.domain.transactions import TransactionFilter, TransactionStatus

    if status is not None and status not in {known.value for known in TransactionStatus}:
        raise typer.BadParameter("one of pending, settled, failed, cancelled", param_hint="--status")
    if start is not None and end is not None and start > end:
        raise typer.BadParameter("is before --start", param_hint="--end")

    async def command(session: Session) -> "list[Transaction]":
        chosen = await session.get_account(account) if account is not None else None
        wanted = TransactionFilter(
            account_ids=(chosen.id,) if chosen is not None else (),
            start_date=start.date() if start is not None else None,
            end_date=end.date() if end is not None else None,
            statuses=(status,) if status is not None else (),
            text=text,
        )
        page = await session.platform.queries.list_transactions(session.tenant_id, wanted, limit=limit)
        return list(page.rows)

    rows = run(command)
    if as_json:
        emit_json({"transactions": rows})
    elif rows:
        show_transactions(rows)
    else:
        say("No transactions.")


def show_transactions(rows: "list[Transaction]", console: "Console | None" = None) -> None:
    """Show transactions for people."""
    from bursar.domain.money import format_amount

    show_table(
        ["Date", "Account", "Description", ">Amount", "", "Status", "Id"],
        [
            [
                row.transaction_date.isoformat(),
                row.account_name,
                row.description,
                format_amount(row.amount, row.currency),
                row.currency,
                row.status,
                short(row.id),
            ]
            for row in rows
        ],
        console=console,
    )


def changes(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], metavar="YYYY-MM-DD[THH:MM:SS]", help="In UTC."),
    ] = None,
    created: Annotated[bool, typer.Option("--created", help="Also rows that are new.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=_EVERYTHING)] = 50,
    as_json: Json = False,
) -> None:
    """List what has changed in rows that were there before: posted, corrected, taken back."""

    async def command(session: Session) -> "list[TransactionChange]":
        return await session.platform.queries.list_changes(
            session.tenant_id,
            since=since.replace(tzinfo=UTC) if since is not None else None,
            with_created=created,
            limit=limit,
        )

    listed = run(command)
    if as_json:
        emit_json({"changes": listed})
    elif listed:
        show_changes(listed)
    else:
        say("Nothing has changed.")


def show_changes(listed: "list[TransactionChange]", console: "Console | None" = None) -> None:
    """Show changes for people: what a row said before, and says now."""
    show_table(
        ["At (UTC)", "What", "Before", "After", "Transaction"],
        [
            [when(change.occurred_at), word_for(change), *_differences(change), short(change.transaction_id)]
            for change in listed
        ],
        console=console,
    )


def word_for(change: "TransactionChange") -> str:
    """Return what happened to a row, in one word or two."""
    before, after = change.before or {}, change.after or {}
    if change.type != "transaction.updated":
        return change.type.removeprefix("transaction.")
    if before.get("status") == "pending" and after.get("status") == "settled":
        return "posted, amount changed" if before.get("amount") != after.get("amount") else "posted"
    if before.get("status") != after.get("status"):
        return str(after.get("status"))
    return "amount changed" if before.get("amount") != after.get("amount") else "details changed"


def _differences(change: "TransactionChange") -> tuple[str, str]:
    before, after = change.before or {}, change.after or {}
    if not before or not after:
        return _essence(before), _essence(after)
    names = [name for name in after if before.get(name) != after.get(name)]
    return tuple("\n".join(f"{name}: {side.get(name) or '-'}" for name in names) for side in (before, after))  # pyright: ignore[reportReturnType] - two sides, two texts


def _essence(members: Mapping[str, str | None]) -> str:
    names = ("transaction_date", "amount", "currency", "description")
    return " ".join(str(members[name]) for name in names if members.get(name))


def proof(
    account: Annotated[str | None, typer.Argument(help="The account's id, or its ending; all without it.")] = None,
    gaps: Annotated[bool, typer.Option("--gaps", help="Only what is open, with days to read again.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 3 when there is a gap.")] = False,
    as_json: Json = False,
) -> None:
    """Show whether the rows explain the balances that the banks stated."""
    found = _open_gaps(account, as_json=as_json) if gaps else _proofs(account, as_json=as_json)
    if exit_code and found:
        raise typer.Exit(_GAP_EXIT_CODE)


def _proofs(account: str | None, *, as_json: bool) -> bool:
    async def command(session: Session) -> "list[AccountProof]":
        if account is None:
            return await session.platform.proof.prove_all(session.tenant_id)
        chosen = await session.get_account(account)
        return [unwrap(await session.platform.proof.prove(session.tenant_id, chosen.id))]

    proofs = run(command)
    if as_json:
        members = [
            {"account_id": each.account.id, "account_name": each.account.name, **asdict(each.proof)} for each in proofs
        ]
        emit_json({"proofs": members})
    else:
        show_proofs(proofs)
    return any(each.proof.gaps for each in proofs)


def _open_gaps(account: str | None, *, as_json: bool) -> bool:
    async def command(session: Session) -> "tuple[list[BalanceGap], dict[UUID, str]]":
        listed, _ = await session.platform.queries.list_accounts(session.tenant_id, limit=_EVERYTHING)
        chosen = await session.get_account(account) if account is not None else None
        found, _ = await session.platform.proof.list_gaps(
            session.tenant_id, account_id=chosen.id if chosen is not None else None, is_open=True, limit=_EVERYTHING
        )
        return found, {each.id: each.name for each in listed}

    found, names = run(command)
    if as_json:
        emit_json({"gaps": found})
    elif found:
        show_gaps(found, names)
    else:
        say("No open gap.")
    return bool(found)


def show_gaps(found: "list[BalanceGap]", names: "Mapping[UUID, str]", console: "Console | None" = None) -> None:
    """Show gaps for people: where the amount is missing, and which days to read again for it."""
    from bursar.domain.money import format_amount

    show_table(
        ["Id", "Account", "Between", ">Amount", "", "Read again", "Found at (UTC)"],
        [
            [
                short(gap.id),
                names.get(gap.account_id, short(gap.account_id)),
                f"{gap.start_on} and {gap.end_on}",
                format_amount(gap.amount, gap.currency),
                gap.currency,
                f"{gap.suggested_fetch_start} to {gap.suggested_fetch_end}",
                when(gap.found_at),
            ]
            for gap in found
        ],
        console=console,
    )


def show_proofs(proofs: "list[AccountProof]", console: "Console | None" = None) -> None:
    """Show proofs for people, with what is not proven and why."""
    from bursar.domain.money import format_amount

    shown = console or make_console()
    show_table(
        ["Id", "Account", "Proof", "Proven days", ">Balances", ">Gap", "Why"],
        [
            [
                short(each.account.id),
                each.account.name,
                each.proof.status.value,
                _proven(each),
                str(len(each.proof.segments) + 1 if each.proof.segments else int(each.proof.tail is not None)),
                "\n".join(format_amount(gap.amount, each.account.currency) for gap in each.proof.gaps),
                _why(each),
            ]
            for each in proofs
        ],
        console=shown,
    )


def _proven(each: "AccountProof") -> str:
    return "\n".join(f"{days.start_on} to {days.end_on}" for days in each.proof.days if days.status.value == "proven")


def _why(each: "AccountProof") -> str:
    proof = each.proof
    if proof.gaps:
        return "\n".join(
            f"rows between {gap.start_on} and {gap.end_on} are missing, doubled or not listed yet: "
            f"read {gap.suggested_fetch_start} to {gap.suggested_fetch_end} again"
            for gap in proof.gaps
        )
    if proof.reason is not None:
        return {
            "too_few_balances": "only one balance is stated so far: the next reading or statement brings another",
            "value_moves_by_prices": "an investment account: its value moves with prices, without rows",
        }.get(proof.reason.value, proof.reason.value)
    limits: list[str] = []
    if proof.segments and proof.days and proof.days[0].start_on < proof.segments[0].start_on:
        limits.append(f"unproven before {proof.segments[0].start_on}: no older balance is known")
    if proof.tail is not None and proof.tail.row_count:
        limits.append(f"{proof.tail.row_count} newer rows wait for the next balance")
    return "; ".join(limits)
