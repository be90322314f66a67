"""What do all models of the banking interface share: no change after the making, exact amounts, two spellings?"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, ClassVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator

from bursar.domain.currencies import MINOR_UNITS
from bursar.domain.money import AmountError, check_amount


def to_exact(value: object) -> object:
    """Return a float as the decimal that it is written as (`-45.67`, not its binary fraction); the rest as it is."""
    if isinstance(value, bool):
        raise ValueError("an amount is a number, not true or false")
    return Decimal(str(value)) if isinstance(value, float) else value


def _sane(value: Decimal) -> Decimal:
    try:
        return check_amount(value)
    except AmountError as error:
        raise ValueError(str(error)) from None


def _currency(value: str) -> str:
    code = value.upper()
    if code not in MINOR_UNITS:
        raise ValueError("not an ISO 4217 currency code, such as USD")
    return code


Amount = Annotated[
    Decimal,
    BeforeValidator(to_exact),
    AfterValidator(_sane),
    PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json"),
]
"""A Decimal; JSON has it as text. Floats are taken as they are written."""

Currency = Annotated[str, AfterValidator(_currency)]
"""An ISO 4217 code in upper case."""


class Record(BaseModel):
    """The base of the models: frozen, without unknown members, built under either spelling of a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    other_spellings: ClassVar[Mapping[str, str]] = {}
    """Another name that `__init__` and JSON may use -> the field."""

    @model_validator(mode="before")
    @classmethod
    def _take_either_spelling(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        members = dict(cast("Mapping[str, object]", given))
        for spelling, field in cls.other_spellings.items():
            if spelling not in members:
                continue
            value = members.pop(spelling)
            if members.setdefault(field, value) != value:
                raise ValueError(f"{spelling} and {field} are one field and differ here")
        return members
