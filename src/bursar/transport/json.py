"""How does JSON become typed values, and back, without a digit of a number changing?"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec

from bursar.transport.redaction import Secret

T = TypeVar("T")

MAX_EXPONENT = 30
"""Numbers of more than 30 places on either side of the point are refused: no amount of money looks like that."""


class JsonError(ValueError):
    """Bytes that are not the JSON they should be.

    Attributes:
        path: where, such as `$.added[3].amount`; `$` when the document as a whole is unreadable.
        is_malformed: True when it is no JSON at all, False when it is JSON of another shape.
    """

    def __init__(self, reason: str, *, path: str = "$", is_malformed: bool = False) -> None:
        super().__init__(f"{reason} at {path}")
        self.reason = reason
        self.path = path
        self.is_malformed = is_malformed


def check_number(number: Decimal | None, name: str = "number") -> None:
    """Refuse what no ledger can hold: NaN, infinities and exponents beyond 30 places.

    Wire models call it from `__post_init__`, where a ValueError becomes a validation error that names the row.
    """
    if number is None:
        return
    if not number.is_finite():
        raise ValueError(f"`{name}` is not a finite number")
    # Taking a Decimal apart costs more than decoding it did. A short text without an exponent needs no second look.
    if -6 <= number.adjusted() <= MAX_EXPONENT and len(str(number)) <= MAX_EXPONENT:
        return
    if (number and abs(number.adjusted()) > MAX_EXPONENT) or _exponent(number) < -MAX_EXPONENT:
        raise ValueError(f"`{name}` has an exponent beyond {MAX_EXPONENT} places")


def _exponent(number: Decimal) -> int:
    return cast("int", number.as_tuple().exponent)


def _float_hook(text: str) -> Decimal:
    number = Decimal(text)
    # A short text without an exponent cannot be out of bounds, and taking a Decimal apart costs more than reading it.
    if len(text) > MAX_EXPONENT or "e" in text or "E" in text:
        check_number(number)
    return number


def _decode_hook(type_: type, value: Any) -> Any:
    if type_ is not Secret:
        raise NotImplementedError(f"{type_.__name__} is no wire type")
    if not isinstance(value, str):
        raise ValueError("Expected `str` for a secret")
    return Secret(value)


def _encode_hook(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, str):
        return str.__str__(value)  # a subclass, whose own `__str__` may show something else
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


@lru_cache(maxsize=256)
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_, float_hook=_float_hook, dec_hook=_decode_hook)


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=_encode_hook)


def decode(body: bytes | msgspec.Raw, type_: type[T]) -> T:
    """Decode bytes in one pass into `type_`; `Decimal` members get the digits of the document, never those of a float.

    Raises:
        JsonError: empty, truncated, not JSON, or not of this type. There is no partial result.
    """
    try:
        return _decoder(type_).decode(body)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        raise JsonError(reason, path=path.rstrip("`") or "$") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ArithmeticError, RecursionError) as error:
        raise JsonError(_malformed_reason(body, error), is_malformed=True) from None


def decode_object(body: bytes) -> dict[str, Any]:
    """Decode an object whose shape is not known; numbers that are not integers become `Decimal`.

    Raises:
        JsonError: as `decode`, and for any other top level than an object.
    """
    return decode(body, dict[str, Any])


def encode(value: Any) -> bytes:
    """Encode a request body; a `Decimal` is written as a JSON number with exactly its digits, a `Secret` in clear.

    Raises:
        ValueError: a number is NaN, infinite or beyond 30 places: those have no JSON form that anybody reads alike.
    """
    _check_numbers(value)
    return _ENCODER.encode(value)


def _check_numbers(value: Any) -> None:
    if isinstance(value, Decimal):
        check_number(value)
    elif isinstance(value, float):
        raise TypeError("amounts are Decimal: a float in a request body has already lost digits")
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            _check_numbers(getattr(value, name))
    elif isinstance(value, Mapping):
        for member in cast("Mapping[Any, Any]", value).values():
            _check_numbers(member)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            _check_numbers(item)


def _malformed_reason(body: bytes | msgspec.Raw, error: Exception) -> str:
    start = bytes(body)[:64].lstrip()
    if not start:
        return "the body is empty"
    if start.startswith(b"<"):
        return "the body is a page, not JSON"
    if "truncated" in str(error):
        return "the body is truncated"
    return "the body is not JSON"
