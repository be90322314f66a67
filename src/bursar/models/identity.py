"""Who owns the accounts of a login? (The most private data that is read; no field for tax numbers or birth dates.)."""

from pydantic import Field

from bursar.models.record import Record


class Address(Record):
    """A postal address as the bank keeps it; `str()` gives it on one line."""

    lines: tuple[str, ...] = Field(default=(), repr=False)
    city: str | None = Field(default=None, repr=False)
    region: str | None = Field(default=None, repr=False)
    postal_code: str | None = Field(default=None, repr=False)
    country: str | None = Field(default=None, repr=False)

    def __str__(self) -> str:
        town = " ".join(part for part in (self.city, self.region, self.postal_code) if part)
        return ", ".join(part for part in (*self.lines, town, self.country) if part)


class Owner(Record):
    """One person or business, as the bank knows it; the first of each list is the one the bank prefers.

    `repr` shows nothing of it.
    """

    name: str = Field(repr=False)
    email: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    address: Address | None = Field(default=None, repr=False)
    names: tuple[str, ...] = Field(default=(), repr=False)
    emails: tuple[str, ...] = Field(default=(), repr=False)
    phones: tuple[str, ...] = Field(default=(), repr=False)
    addresses: tuple[Address, ...] = Field(default=(), repr=False)
    account_ids: tuple[str, ...] = Field(default=(), repr=False)
    """The accounts of the login that they own."""
    is_business: bool | None = None
    """None where the provider does not say."""


class Identity(Record):
    """The owners of a login's accounts, each once."""

    owners: tuple[Owner, ...]
