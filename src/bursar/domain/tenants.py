"""Who owns a ledger, and who may look into it?"""

from dataclasses import dataclass
from uuid import UUID

from bursar.domain.vocabulary import Vocabulary


class UserRole(Vocabulary):
    """What a user may do; each role includes the next."""

    ADMIN = "admin"
    USER = "user"
    READONLY = "readonly"

    def may_write(self) -> bool:
        """True for roles that may change anything."""
        return self is not UserRole.READONLY

    def may_see_owners(self) -> bool:
        """True for roles that may see who owns an account: what is known of people asks for more than rows do."""
        return self is not UserRole.READONLY

    def may_destroy(self) -> bool:
        """True for the role that may say how long data is kept, and may erase it."""
        return self is UserRole.ADMIN

    def may_move_money(self) -> bool:
        """True for the role that may send transfers: money asks for more than what is only read or connected."""
        return self is UserRole.ADMIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller, proven: the tenant comes from the credential and from nowhere else."""

    tenant_id: UUID
    user_id: UUID
    role: UserRole
    token_id: UUID
