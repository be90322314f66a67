"""Who and what is there when a simulator without a world begins?

A small set whose every figure is known: Jordan Rivera with four pods, a port, three outside accounts and five
transfers, and somebody else whom Jordan has nothing to do with.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from bursar.providers.sequence.sandbox.listing import newest_first
from bursar.providers.sequence.sandbox.logins import Account
from bursar.providers.sequence.sandbox.payments import Ends, Order, Payment, check
from bursar.providers.sequence.sandbox.records import (
    Compound,
    Direction,
    ExternalEntity,
    Kyc,
    Leg,
    Organization,
    Place,
    PlaceKind,
    RuleDetails,
    Simple,
    Status,
    Transfer,
    User,
)

CLIENT_ID = "demo-client"
EMAIL = "demo@example.com"
PASSWORD = "correct-horse-9"  # noqa: S105 - published on purpose
TOTP_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - published on purpose
OTHER_EMAIL = "other@example.com"
OTHER_PASSWORD = "battery-staple-7"  # noqa: S105 - published on purpose
OTHER_TOTP_SECRET = "JBSWY3DPEHPK3PXP"  # noqa: S105 - published on purpose

BEGINS_AT = datetime(2025, 1, 15, 16, tzinfo=UTC)

_PREFIX = "7d3f1c52-5a0b-4b7e-9a61-2f60c1d4"


def id_of(number: int) -> str:
    """The id that ends in four digits."""
    return f"{_PREFIX}{number:04d}"


def demo_accounts() -> dict[str, Account]:
    """Who can log in, by e-mail address."""
    return {
        EMAIL: Account(user_id=id_of(3), email=EMAIL, password=PASSWORD, totp_secret=TOTP_SECRET),
        OTHER_EMAIL: Account(
            user_id=id_of(13), email=OTHER_EMAIL, password=OTHER_PASSWORD, totp_secret=OTHER_TOTP_SECRET
        ),
    }


class ReferenceBooks:
    """The books of the reference set: they change by payments and by time."""

    def __init__(self) -> None:
        self._now = BEGINS_AT
        self._payments: list[Payment] = []
        self._made_count = 0
        places = {place.place_id: place for place in _places()}
        self._transfers = list(_transfers(places))
        pull = next(one for one in self._transfers if one.transfer_id == id_of(902))
        self._payments.append(Payment.resumed(pull, Ends(places[id_of(301)], places[id_of(101)])))
        own = Organization(
            organization_id=id_of(1),
            places=list(places.values()),
            list_transfers=lambda: newest_first(self._transfers),
            kycs=(Kyc(id_of(2), "Jordan Rivera"),),
            plan_id=id_of(9),
        )
        others = Organization(
            organization_id=id_of(11),
            places=[_pod(111, "Joint", 10_000, "people", beneficiary="Sam Okafor")],
            list_transfers=tuple,
            kycs=(Kyc(id_of(12), "Sam Okafor"),),
        )
        self._users = {
            id_of(3): User(user_id=id_of(3), summary_id=id_of(6), settings_id=id_of(5), memberships=[(id_of(4), own)]),
            id_of(13): User(
                user_id=id_of(13), summary_id=id_of(16), settings_id=id_of(15), memberships=[(id_of(14), others)]
            ),
        }

    @property
    def now(self) -> datetime:
        """The instant up to which everything has happened."""
        return self._now

    def find_user(self, user_id: str) -> User | None:
        """Somebody who logs in."""
        return self._users.get(user_id)

    def pay(self, organization: Organization, order: Order) -> None:
        """Makes a payment, as often as it is asked for."""
        ends = check(order, organization)
        self._made_count += 1
        payment = Payment(id_of(1000 + self._made_count), order, ends, self._now)
        self._payments.append(payment)
        self._transfers.append(payment.transfer)

    def catch_up(self, now: datetime) -> None:
        """Lets time pass until `now`; what fell due happens in the order of the payments."""
        self._now = now
        for payment in self._payments:
            payment.catch_up(now)

    def let_fail(self, transfer_id: str, leg: str, reason: str) -> bool:
        """Has a leg of a transfer fail when it falls due; False for an unknown one."""
        found = next((one for one in self._payments if one.transfer.transfer_id == transfer_id), None)
        if found is None:
            return False
        found.failing[leg] = reason
        return True


def demo_credentials() -> Mapping[str, str]:
    """What a client of the reference set must be configured with."""
    return {
        "email": EMAIL,
        "password": PASSWORD,
        "totp": TOTP_SECRET,
        "org_id": id_of(1),
        "kyc_id": id_of(2),
        "auth0_client_id": CLIENT_ID,
    }


def _places() -> list[Place]:
    jordan = "Jordan Rivera"
    return [
        _pod(101, "Emergency Fund", 150_000, "umbrella", beneficiary=jordan),
        _pod(102, "Groceries", 42_500, "cart", beneficiary=jordan),
        _pod(103, "Rent", 240_000, "home", beneficiary=jordan),
        _pod(104, "Vacation Savings", 67_500, "plane", beneficiary=jordan, goal_cents=100_000),
        Place(
            place_id=id_of(201),
            kind=PlaceKind.PORT,
            name="Paycheck",
            icon="briefcase",
            metadata_id=id_of(701),
            balance_cents=312_044,
            beneficiary=jordan,
            account_number="900020103044",
            routing_number="021000089",
            created_at=_at(2024, 11, 4, 15),
        ),
        _account(301, "Everyday Checking", "CHECKING", "PLAID", "First Demo Bank", 250_000, can_be_source=True),
        _account(302, "Rewards Card", "CREDIT_CARD", "METHOD", "Demo Card Co", 84_215),
        _account(303, "Car Loan", "LOAN", "MANUAL", None, None),
    ]


def _transfers(places: Mapping[str, Place]) -> list[Transfer]:
    emergency, groceries, rent = places[id_of(101)], places[id_of(102)], places[id_of(103)]
    port, checking = places[id_of(201)], places[id_of(301)]
    return [
        Transfer(
            transfer_id=id_of(901),
            type="ONE_TIME_TRANSFER",
            status=Status.COMPLETE,
            created_at=_at(2025, 1, 15, 15, 30),
            updated_at=_at(2025, 1, 15, 15, 31),
            cents=5_000,
            source=emergency,
            destination=groceries,
            direction=Direction.INTERNAL,
            activity_type="ONE_TIME_TRANSFER",
            description="Weekly groceries",
            details=Simple(Leg(Status.COMPLETE, _at(2025, 1, 15, 15, 30), _at(2025, 1, 15, 15, 31))),
        ),
        Transfer(
            transfer_id=id_of(902),
            type="ONE_TIME_TRANSFER",
            status=Status.PENDING,
            created_at=_at(2025, 1, 14, 18, 5),
            updated_at=_at(2025, 1, 14, 18, 5),
            cents=10_000,
            source=checking,
            destination=emergency,
            direction=Direction.INCOMING,
            activity_type="ONE_TIME_TRANSFER",
            details=Compound(pull=Leg(Status.PENDING, _at(2025, 1, 14, 18, 5), expected_on=date(2025, 1, 17))),
        ),
        Transfer(
            transfer_id=id_of(903),
            type="RULE",
            status=Status.COMPLETE,
            created_at=_at(2025, 1, 10, 13),
            updated_at=_at(2025, 1, 10, 13, 0, 2),
            cents=80_000,
            source=port,
            destination=rent,
            direction=Direction.INTERNAL,
            activity_type="RULE",
            details=Simple(Leg(Status.COMPLETE, _at(2025, 1, 10, 13), _at(2025, 1, 10, 13, 0, 2))),
            rule=RuleDetails("SCHEDULED", "0 13 10 * *"),
        ),
        Transfer(
            transfer_id=id_of(904),
            type="MONEY_IN",
            status=Status.COMPLETE,
            created_at=_at(2025, 1, 10, 12, 58),
            updated_at=_at(2025, 1, 10, 12, 58),
            cents=300_000,
            source=ExternalEntity("ACME PAYROLL"),
            destination=port,
            direction=Direction.INCOMING,
            activity_type="DIRECT_DEPOSIT",
        ),
        Transfer(
            transfer_id=id_of(905),
            type="ACH",
            status=Status.FAILED,
            created_at=_at(2025, 1, 8, 20),
            updated_at=_at(2025, 1, 9, 14),
            cents=90_000,
            source=groceries,
            destination=checking,
            direction=Direction.OUTGOING,
            activity_type="ACH",
            error_reason="INSUFFICIENT_FUNDS",
        ),
    ]


def _pod(number: int, name: str, cents: int, icon: str, *, beneficiary: str, goal_cents: int | None = None) -> Place:
    return Place(
        place_id=id_of(number),
        kind=PlaceKind.POD,
        name=name,
        icon=icon,
        type="REGULAR",
        metadata_id=id_of(number + 500),
        balance_cents=cents,
        goal_cents=goal_cents,
        beneficiary=beneficiary,
        created_at=_at(2024, 11, 4, 15),
    )


def _account(
    number: int,
    name: str,
    kind: str,
    provider: str,
    institution: str | None,
    cents: int | None,
    *,
    can_be_source: bool = False,
) -> Place:
    return Place(
        place_id=id_of(number),
        kind=PlaceKind.ACCOUNT,
        name=name,
        type=kind,
        provider_type=provider,
        institution=institution,
        metadata_id=id_of(number + 500),
        balance_cents=cents,
        can_be_source=can_be_source,
        created_at=_at(2024, 11, 4, 15),
    )


def _at(year: int, month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
