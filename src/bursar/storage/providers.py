"""Which providers does the catalogue list? (Shared by all tenants.)."""

from collections.abc import Sequence
from dataclasses import dataclass

from bursar.domain.ids import new_id
from bursar.domain.time import Clock
from bursar.storage.unit_of_work import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """What the registry says of one provider."""

    slug: str
    name: str
    category: str
    auth_type: str
    credential_type: str
    capabilities: tuple[str, ...]
    description: str
    website_url: str | None
    documentation_url: str | None


async def upsert_providers(tx: Transaction, entries: Sequence[CatalogueEntry], clock: Clock) -> None:
    """Make the catalogue equal to the registry; an operator's `is_active` survives, a vanished slug is marked."""
    now = clock.now()
    for entry in entries:
        await tx.execute(
            """
            INSERT INTO providers AS p (slug, id, name, category, auth_type, credential_type, capabilities,
                description, website_url, documentation_url, created_at, updated_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (slug) DO UPDATE SET name = excluded.name, category = excluded.category,
                auth_type = excluded.auth_type, credential_type = excluded.credential_type,
                capabilities = excluded.capabilities, description = excluded.description,
                website_url = excluded.website_url, documentation_url = excluded.documentation_url,
                is_registered = true, updated_at = excluded.updated_at
            WHERE (p.name, p.category, p.auth_type, p.credential_type, p.capabilities, p.description, p.website_url,
                p.documentation_url, p.is_registered)
                IS DISTINCT FROM (excluded.name, excluded.category, excluded.auth_type, excluded.credential_type,
                excluded.capabilities, excluded.description, excluded.website_url, excluded.documentation_url, true)
            """,
            [
                entry.slug,
                new_id(),
                entry.name,
                entry.category,
                entry.auth_type,
                entry.credential_type,
                list(entry.capabilities),
                entry.description,
                entry.website_url,
                entry.documentation_url,
                now,
                now,
            ],
        )
    await tx.execute(
        "UPDATE providers SET is_registered = false, updated_at = %s WHERE is_registered AND slug <> ALL(%s)",
        [now, [entry.slug for entry in entries]],
    )


async def list_inactive_slugs(tx: Transaction) -> set[str]:
    """Return the slugs that the operator has switched off."""
    found = await tx.execute("SELECT slug FROM providers WHERE NOT is_active")
    return {str(slug) for (slug,) in await found.fetchall()}
