"""How do the banks of a seed tell the platform that something has changed, and who pretends to be them?"""

from datetime import timedelta

from bursar.converge import wire
from bursar.converge.seed import Action, Link, SeedRun, outcome_of
from bursar.domain.failures import NotFound, ProviderFailed
from bursar.domain.result import Result, Success
from bursar.domain.webhooks import WebhookReceipt, WebhookRefused
from bursar.sandbox.faces import WebhookDelivery, WebhookFace

_SENT = 4
"""How often a provider sends a webhook that nobody takes."""
_AGAIN = timedelta(seconds=30)
_REPLAYED = timedelta(minutes=6)
"""When somebody who has listened sends again what he heard: later than any proof is good for."""

Outcome = Result[WebhookReceipt, WebhookRefused | NotFound | ProviderFailed]


def can_announce(run: SeedRun, link: Link) -> bool:
    """Whether a login's provider sends webhooks."""
    return link.external_id is not None and isinstance(run.faces[link.channel.slug], WebhookFace)


async def announce(run: SeedRun, link: Link) -> None:
    """Let a provider send a real delivery about a login, after a forger has tried and before an eavesdropper does."""
    face = run.faces[link.channel.slug]
    if link.external_id is None or not isinstance(face, WebhookFace):
        return
    try:
        delivery = face.make_delivery(link.external_id)
    except KeyError:
        run.note("  the login is gone")
        return
    run.happened.struck["E3", link.channel.slug, ""] += 1
    await _pretend(run, link, face.forge_delivery(delivery), "forged")
    for _ in range(_SENT):
        taken = await _deliver(run, link, delivery)
        run.note(f"  told: {outcome_of(taken)}")
        if isinstance(taken, Success):
            break
        if not isinstance(taken.error, ProviderFailed):
            run.happened.errors.append(f"{link.channel.slug}: a genuine webhook was refused")
            return
        await run.move_to(run.world.now + _AGAIN)
        delivery = face.repeat_delivery(delivery)
    run.at(run.world.now + _REPLAYED, "replayed webhook", _replaying(run, link, delivery))


def _replaying(run: SeedRun, link: Link, delivery: WebhookDelivery) -> Action:
    async def replay() -> None:
        if delivery.proves_time:
            await _pretend(run, link, delivery, "replayed")
            return
        taken = await _deliver(run, link, delivery)
        if isinstance(taken, Success) and taken.value.new_count:
            run.happened.errors.append(f"{link.channel.slug}: a replayed webhook counted as a new one")

    return replay


async def _pretend(run: SeedRun, link: Link, delivery: WebhookDelivery, how: str) -> None:
    if isinstance(await _deliver(run, link, delivery), Success):
        run.happened.errors.append(f"{link.channel.slug}: a {how} webhook was taken")


async def _deliver(run: SeedRun, link: Link, delivery: WebhookDelivery) -> Outcome:
    caller = wire.CALLER.set(f"webhook {link.connection_id}")
    try:
        return await run.stage.platform.webhooks.receive(link.channel.slug, delivery.headers, delivery.body)
    finally:
        wire.CALLER.reset(caller)
