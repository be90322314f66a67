"""What of a provider's owners may be kept?"""

import pytest

from bursar.domain.audit import check_reason
from bursar.domain.owners import OwnerAddress, ProviderOwnerData, keep_owners


def make_owner(**members: object) -> ProviderOwnerData:
    told: dict[str, object] = {"provider_account_id": "a", "names": ("Ada Example",)} | members
    return ProviderOwnerData(**told)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "text",
    [
        "900-12-3456",
        "SSN 900123456",
        "ssn: 900 12 3456",
        "Tax ID 90-0123456",
        "TIN:900123456",
        "90-0123456",
        "Steuernummer 12 345 678 901",
        "Ada Example SSN 900-12-3456",
    ],
)
@pytest.mark.parametrize("field", ["emails", "phones", "lines", "city", "postal_code"])
def test_tax_number_in_any_field_is_left_out_and_counted(text: str, field: str) -> None:
    if field == "lines":
        owner = make_owner(addresses=(OwnerAddress(lines=(text, "12 High Street")),))
    elif field in {"city", "postal_code"}:
        owner = make_owner(addresses=(OwnerAddress(**{field: text}),))  # pyright: ignore[reportArgumentType]
    else:
        owner = make_owner(**{field: (text,)})
    told = keep_owners([owner])
    assert told.withheld_count == 1
    assert told.owners[0].names == ("Ada Example",)
    assert text not in str([(one.emails, one.phones, one.addresses) for one in told.owners])
    assert not told.owners[0].addresses or text not in told.owners[0].addresses[0].lines


@pytest.mark.parametrize("name", ["900123456", "Ada 900 12 3456", "SSN 900-12-3456"])
def test_owner_of_whom_only_a_number_is_told_is_unreadable_and_not_nobody(name: str) -> None:
    told = keep_owners([make_owner(names=(name,))])
    assert (told.owners, told.unreadable_count, told.withheld_count) == ((), 1, 1)


@pytest.mark.parametrize("phone", ["+1 212 555 0100", "(212) 555-0100", "212-555-0100", "01 23 45 67 89", "2125550100"])
def test_ordinary_details_are_kept_as_told(phone: str) -> None:
    address = OwnerAddress(
        lines=("12 High Street", "Flat 3"), city="Springfield", postal_code="10001-1234", country="US"
    )
    owner = make_owner(emails=("ada@example.com",), phones=(phone,), addresses=(address,), is_business=False)
    told = keep_owners([owner], unreadable_count=2)
    (kept,) = told.owners
    assert (kept.emails, kept.phones, kept.addresses) == (("ada@example.com",), (phone,), (address,))
    assert (told.unreadable_count, told.withheld_count) == (2, 0)


def test_nothing_of_a_person_is_printed() -> None:
    owner = make_owner(emails=("ada@example.com",), phones=("212-555-0100",))
    told = keep_owners([owner])
    assert not [text for text in ("Ada", "ada@", "0100") if text in repr((owner, told, told.owners))]


@pytest.mark.parametrize("reason", [None, "", "   ", "x" * 201, "two\nlines", "bell\x07"])
def test_reason_that_says_nothing_is_refused(reason: str | None) -> None:
    assert check_reason(reason) is not None


def test_reason_of_one_line_will_do() -> None:
    assert check_reason("loan application 4711") is None
