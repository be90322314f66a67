"""Who owns an account, who looked, how long is kept, and how does one leave?"""

from typing import TYPE_CHECKING, Annotated

import typer

from bursar.cli.ledger import Json
from bursar.cli.output import emit_json, say, short, show_table, when
from bursar.cli.session import CommandError, Session, run, unwrap

if TYPE_CHECKING:
    from uuid import UUID

    from bursar.domain.audit import AuditEvent, ChainFinding
    from bursar.domain.erasure import ConnectionErasureProof, ErasureProof
    from bursar.domain.owners import AccountOwners
    from bursar.domain.retention import RetentionPolicy, RetentionRun, RetentionSubject

Reason = Annotated[str, typer.Option(help="Why; it is kept in the audit trail. No names in it.")]
_EVERYTHING = 10_000
_SHORTEST_ENDING = 4
retention_app = typer.Typer(help="How long what is about people is kept.", no_args_is_help=True)


def owners(
    account: Annotated[str, typer.Argument(help="The account's id, or its ending.")],
    reason: Reason,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the provider first; it may cost money.")] = False,
    as_json: Json = False,
) -> None:
    """Show who owns an account; that you looked, and why, is recorded."""

    async def command(session: Session) -> "AccountOwners":
        known = await session.get_account(account)
        service = session.platform.owners
        if refresh:
            unwrap(await service.refresh(session.tenant_id, session.user_id, known.id, reason=reason))
        return unwrap(await service.read(session.tenant_id, session.user_id, known.id, reason=reason))

    known = run(command)
    told = known.told
    if as_json:
        emit_json(
            {
                "account_id": known.account_id,
                "owners": None if told is None else told.owners,
                "unreadable_count": None if told is None else told.unreadable_count,
                "withheld_count": None if told is None else told.withheld_count,
                "stored_at": known.stored_at,
            }
        )
        return
    if told is None:
        say("Unknown: nobody has asked the provider yet. Ask with --refresh.")
        return
    if not told.owners:
        say("The institution has nobody on file.")
    for owner in told.owners:
        say(", ".join(owner.names))
        for line in (*owner.emails, *owner.phones):
            say(f"  {line}")
        for address in owner.addresses:
            parts = (*address.lines, address.postal_code, address.city, address.region, address.country)
            say(f"  {', '.join(part for part in parts if part)}")
    if told.unreadable_count:
        say(f"{told.unreadable_count} more could not be read.")


def audit(
    check: Annotated[bool, typer.Option("--check", help="Prove that nothing of it was changed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: Json = False,
) -> None:
    """List what was done, by whom and why, the newest first."""

    async def command(session: Session) -> "tuple[list[AuditEvent], ChainFinding]":
        service = session.platform.audit
        listed, _ = await service.list_events(session.tenant_id, limit=limit)
        return listed, await service.check(session.tenant_id)

    listed, found = run(command)
    if as_json:
        emit_json({"events": listed, "chain": found} if check else {"events": listed})
    elif check:
        say(f"{found.length} events hold. Head: {found.head or 'none'}")
    else:
        show_table(
            ["When (UTC)", "What", "About", "Said"],
            [
                [
                    when(event.occurred_at),
                    event.event_type,
                    short(event.subject_id),
                    ", ".join(f"{name}={value}" for name, value in event.data.items()),
                ]
                for event in listed
            ],
        )
    if check and found.broken_at is not None:
        raise CommandError(f"The trail was changed: event {found.broken_at} of the chain does not hold.")


def disconnect(
    connection: Annotated[str, typer.Argument(help="The connection's id, or its ending.")],
    erase: Annotated[bool, typer.Option("--erase", help="Delete what only this connection has told of.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Withdraw the access at the provider and destroy the credentials; rows stay, unless --erase deletes them."""
    if erase and not yes:
        typer.confirm("Delete the connection's accounts and rows for good?", abort=True, err=True)

    async def command(session: Session) -> str:
        known = await session.get_connection(connection)
        platform = session.platform
        if erase:
            gone = unwrap(await platform.erasure.erase_connection(session.tenant_id, session.user_id, known.id))
            counts = f"{gone.account_count} accounts and {gone.transaction_count} transactions"
            return f"Erased {counts}. The proof: bursar erasures"
        left = unwrap(await platform.connect.disconnect(session.tenant_id, known.id, user_id=session.user_id))
        if left.not_revoked_code is None:
            return "Disconnected."
        return f"Disconnected here; the provider was not told ({left.not_revoked_code}): withdraw the access there."

    say(run(command))


def erase(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Erase the ledger: withdraw each access at its provider, then delete everything, the keys included."""
    if not yes:
        typer.confirm("Erase every account, row, credential and key of this ledger for good?", abort=True, err=True)

    async def command(session: Session) -> "ErasureProof":
        return unwrap(await session.platform.erasure.erase_tenant(session.tenant_id, session.user_id))

    proof = run(command)
    if as_json:
        emit_json(proof)
        return
    say(f"Erased {sum(proof.row_counts.values())} rows. Proof: {proof.id}")
    _say_withdrawn(proof)


def _say_withdrawn(proof: "ErasureProof") -> None:
    say(f"Withdrawn at their providers: {proof.revoked_count}.")
    for each in proof.not_revoked:
        say(f"Not withdrawn at {each.provider} ({each.code}): withdraw the access there yourself.")


def erasures(
    proof: Annotated[str | None, typer.Argument(help="The proof's id, or its ending: show all of it.")] = None,
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="Of this erased tenant only.")] = None,
    as_json: Json = False,
) -> None:
    """Show what proves that ledgers, and connections of this one, were erased; for whoever runs the installation."""
    from bursar.domain.ids import parse_id

    whose = None if tenant is None else parse_id(tenant)
    if tenant is not None and whose is None:
        raise typer.BadParameter("the id of the tenant that was erased", param_hint="--tenant")

    async def command(session: Session) -> "tuple[list[ErasureProof], list[ConnectionErasureProof]]":
        service = session.platform.erasure
        if whose is not None:
            return await service.list_proofs(whose), []
        of_connections, _ = await service.list_connection_proofs(session.tenant_id, limit=_EVERYTHING)
        return await service.list_every_proof(limit=_EVERYTHING), of_connections

    ledgers, of_connections = run(command)
    if proof is not None:
        wanted = proof.strip().lower()
        ledgers = [each for each in ledgers if _is_named(each.id, wanted)]
        of_connections = [each for each in of_connections if _is_named(each.id, wanted)]
        if len(ledgers) + len(of_connections) != 1:
            problem = "is the ending of several ids" if ledgers or of_connections else "is no proof"
            raise CommandError(f"{proof!r} {problem}: bursar erasures lists them.")
    if as_json:
        emit_json({"ledgers": ledgers, "connections": of_connections})
    elif proof is not None and ledgers:
        _show_ledger_proof(ledgers[0])
    elif ledgers or of_connections:
        show_table(
            ["Proof", "Erased at (UTC)", "What", ">Rows", "Withdrawn at the provider", "Audit trail"],
            [*map(_ledger_cells, ledgers), *map(_connection_cells, of_connections)],
        )
    else:
        say("Nothing was erased.")


def _is_named(identifier: "UUID", text: str) -> bool:
    return str(identifier) == text or (len(text) >= _SHORTEST_ENDING and str(identifier).endswith(text))


def _ledger_cells(proof: "ErasureProof") -> list[str]:
    missing = ", ".join(each.provider for each in proof.not_revoked)
    return [
        short(proof.id),
        when(proof.erased_at),
        "a ledger",
        str(sum(proof.row_counts.values())),
        f"{proof.revoked_count}; not: {missing}" if missing else str(proof.revoked_count),
        f"{proof.audit_length} events",
    ]


def _connection_cells(proof: "ConnectionErasureProof") -> list[str]:
    return [
        short(proof.id),
        when(proof.erased_at),
        f"{proof.provider} {short(proof.connection_id)}",
        str(proof.account_count + proof.transaction_count),
        f"{proof.revoked_upstream or 'unknown'}{f' ({proof.not_revoked_code})' if proof.not_revoked_code else ''}",
        f"event {proof.audit_position}" if proof.audit_position is not None else "",
    ]


def _show_ledger_proof(proof: "ErasureProof") -> None:
    say(f"Proof {proof.id}: a ledger was erased at {when(proof.erased_at)} UTC.")
    _say_withdrawn(proof)
    say(f"Its audit trail had {proof.audit_length} events. Head: {proof.audit_hash or 'none'}")
    show_table(["Table", ">Rows"], [[table, str(count)] for table, count in sorted(proof.row_counts.items())])


@retention_app.command("show")
def show_retention(as_json: Json = False) -> None:
    """Show how long what is kept."""

    async def command(session: Session) -> "list[RetentionPolicy]":
        return await session.platform.retention.list_policies(session.tenant_id)

    policies = run(command)
    if as_json:
        emit_json({"policies": policies})
        return
    from bursar.domain.retention import RetentionSubject

    days = {policy.subject: f"{policy.keep_days} days" for policy in policies}
    show_table(["What", "Kept"], [[each.value, days.get(each, "until erased")] for each in RetentionSubject])


@retention_app.command("set")
def set_retention(
    subject: Annotated[str, typer.Argument(help="identity, or transaction_texts.")],
    days: Annotated[int, typer.Argument(min=1, help="How many days it is kept.")],
) -> None:
    """Say how many days something is kept; the next run applies it, each night by itself."""
    wanted = _subject(subject)

    async def command(session: Session) -> "RetentionPolicy":
        service = session.platform.retention
        return unwrap(await service.set_policy(session.tenant_id, session.user_id, wanted, keep_days=days))

    say(f"{run(command).subject}: kept for {days} days. See what that means: bursar retention run")


@retention_app.command("keep")
def keep_retention(subject: Annotated[str, typer.Argument(help="identity, or transaction_texts.")]) -> None:
    """Keep something until it is erased; what was forgotten stays so."""
    wanted = _subject(subject)

    async def command(session: Session) -> None:
        unwrap(await session.platform.retention.remove_policy(session.tenant_id, session.user_id, wanted))

    run(command)
    say(f"{wanted.value}: kept until it is erased.")


@retention_app.command("run")
def run_retention(
    destroy: Annotated[bool, typer.Option("--destroy", help="Forget it; without this it is only counted.")] = False,
    as_json: Json = False,
) -> None:
    """Count what the policies would forget; with --destroy forget it."""

    async def command(session: Session) -> "RetentionRun":
        service = session.platform.retention
        return unwrap(await service.run(session.tenant_id, session.user_id, dry_run=not destroy))

    done = run(command)
    if as_json:
        emit_json({"run": done})
        return
    word = "Forgotten" if destroy else "Would be forgotten (bursar retention run --destroy does it)"
    say(f"{word}: owners of {done.counts.account_count} accounts, texts of {done.counts.row_count} transactions.")


def _subject(text: str) -> "RetentionSubject":
    from bursar.domain.retention import RetentionSubject

    found = RetentionSubject.lookup(text)
    if found is None:
        raise typer.BadParameter(f"one of {', '.join(RetentionSubject.values())}", param_hint="SUBJECT")
    return found
