"""Who does Finicity say owns one account?"""

from bursar.domain.owners import ProviderOwnerData
from bursar.domain.sync import RecordKind, RejectedRecord
from bursar.ports.rejects import UnreadableError
from bursar.providers.finicity.mapping import to_owner, to_simple_owner
from bursar.providers.finicity.rejects import rejected_row
from bursar.providers.finicity.sdk.client import FinicityClient
from bursar.providers.finicity.sdk.errors import FinicityAccessError, FinicityNotFoundError


async def read_owners(
    client: FinicityClient, customer_id: str, account_id: str, rejected: list[RejectedRecord]
) -> list[ProviderOwnerData]:
    """Return the owners, one by one where the plan has version 3, else all in one text.

    What is private stays out of `rejected`: it says where something could not be read, and nothing of it.
    """
    try:
        answer = await client.get_holders(customer_id, account_id)
    except (FinicityAccessError, FinicityNotFoundError):
        owner = await client.get_owner(customer_id, account_id)
        try:
            return [to_simple_owner(owner, account_id)]
        except UnreadableError as error:
            rejected.append(_nameless(error, "owner", 0, account_id))
            return []
    rejected.extend(rejected_row(row, account_id) for row in answer.rejected)
    found: list[ProviderOwnerData] = []
    for index, holder in enumerate(answer.holders):
        try:
            found.append(to_owner(holder, account_id))
        except UnreadableError as error:
            rejected.append(_nameless(error, "holders", index, account_id))
    return found


def _nameless(error: UnreadableError, member: str, index: int, account_id: str) -> RejectedRecord:
    return RejectedRecord(
        kind=RecordKind.ACCOUNT,
        index=index,
        reason=error.reason,
        field=f"{member}.{index}.{error.field}",
        provider_account_id=account_id,
    )
