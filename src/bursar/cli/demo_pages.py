"""What does the demo show at its end?"""

from typing import TYPE_CHECKING
from uuid import UUID

from bursar.cli.ledger import show_accounts, show_changes, show_proofs, show_transactions
from bursar.cli.output import make_console

if TYPE_CHECKING:
    from bursar.cli.demo_story import Stage, Told

_ROWS = 12
_CHANGES = 15


async def show_ledger(stage: "Stage", told: "Told") -> None:
    """Show accounts, rows, changes and proof."""
    from bursar.domain.transactions import TransactionFilter

    queries, tenant_id = stage.platform.queries, stage.tenant_id
    console = make_console()
    console.print(f"First reading: {told.first['status']}, {told.first['transactions']['created']} transactions.")
    console.print(f"File: {told.imported['message']}")
    rows = told.second["transactions"]
    console.print(
        f"A week later: {told.second['status']}, {rows['created']} new, {rows['updated']} changed, "
        f"{rows['closed']} taken back by the bank."
    )
    accounts, _ = await queries.list_accounts(tenant_id, limit=100)
    console.print("\n[bold]Accounts[/bold]")
    show_accounts(accounts, console)
    page = await queries.list_transactions(tenant_id, TransactionFilter(), limit=_ROWS, with_total=True)
    console.print(f"[bold]The last {len(page.rows)} of {page.total} transactions[/bold]")
    show_transactions(list(page.rows), console)
    changes = await queries.list_changes(tenant_id, sync_run_id=UUID(told.second["id"]), limit=1000)
    console.print(f"[bold]What changed in a week in rows that were there before ({len(changes)})[/bold]")
    # Removals are few, and what people ask about: they are shown first.
    changes.sort(key=lambda change: (change.type != "transaction.removed", change.id))
    show_changes(changes[:_CHANGES], console)
    if len(changes) > _CHANGES:
        console.print(f"... and {len(changes) - _CHANGES} more.\n")
    console.print("[bold]Do the rows explain the balances that the banks stated?[/bold]")
    show_proofs(await stage.platform.proof.prove_all(tenant_id), console)
