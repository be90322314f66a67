"""Who owns an account, in the ledger's words?"""

from collections.abc import Iterable
from typing import Protocol

from bursar.domain.owners import OwnerAddress, ProviderOwnerData
from bursar.domain.sync import RejectReason
from bursar.ports.rejects import UnreadableError
from bursar.providers.plaid.sdk.models.accounts import EmailAddress, Owner, PhoneNumber, PostalAddress


class _Ranked(Protocol):
    @property
    def primary(self) -> bool | None: ...


def to_owner(account_id: str, owner: Owner) -> ProviderOwnerData:
    """Return an owner; what Plaid marks as primary comes first.

    Raises:
        UnreadableError: `missing_field` for an owner without a name.
    """
    names = _texts(owner.names)
    if not names:
        raise UnreadableError(RejectReason.MISSING_FIELD, "owners.names")
    phones: list[PhoneNumber] = sorted(owner.phone_numbers, key=_rank)
    emails: list[EmailAddress] = sorted(owner.emails, key=_rank)
    addresses: list[PostalAddress] = sorted(owner.addresses, key=_rank)
    return ProviderOwnerData(
        provider_account_id=account_id,
        names=names,
        phones=_texts(one.data for one in phones),
        emails=_texts(one.data for one in emails),
        addresses=tuple(_to_address(one) for one in addresses),
    )


def _to_address(address: PostalAddress) -> OwnerAddress:
    data = address.data
    return OwnerAddress(
        lines=_texts((data.street or "").splitlines()),
        city=data.city or None,
        region=data.region or None,
        postal_code=data.postal_code or None,
        country=data.country or None,
    )


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text.strip() for text in texts if text.strip())


def _rank(value: _Ranked) -> bool:
    return not value.primary
