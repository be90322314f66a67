"""What do all models of Flanks' answers share?"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, NoReturn, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from bursar.transport import json
from bursar.transport.json import check_number

ModelT = TypeVar("ModelT", bound="FlanksModel")

_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*")
_NO_SOURCE: Mapping[str, Any] = MappingProxyType({})


class OpenEnum(StrEnum):
    """Words of Flanks that may become more: an unknown one is kept as it is, with `is_known` False."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether this client knew the word when it was written."""
        return self._name_ in type(self).__members__

    __hash__ = str.__hash__


def known_word(words: type[OpenEnum]) -> BeforeValidator:
    """Refuse, in a query, a plain text that is no word of Flanks: nothing would match, and nothing would say why.

    A word that this client does not know yet is said as a member: `SessionStatus("Waiting:Something")`.
    """

    def check(value: object) -> object:
        if isinstance(value, str) and not isinstance(value, words) and not words(value).is_known:
            raise ValueError(f"not one of {', '.join(words)}")
        return value

    return BeforeValidator(check)


class FrozenDict(dict[str, Any]):
    """A dict that nobody can change, so that a frozen model stays what it was."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("the models of an answer are read-only")

    __setitem__ = __delitem__ = __ior__ = _refuse  # pyright: ignore[reportAssignmentType] - every change is refused
    clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType] - as above

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] - frozen, so it has a hash
        return hash(frozenset(self))

    def __reduce__(self) -> tuple[type["FrozenDict"], tuple[dict[str, Any]]]:
        return FrozenDict, (dict(self),)


def exact(value: object) -> object:
    """Return what a money field may be made of: digits, never a grouped or a boundless number.

    Raises:
        ValueError: a text that is no plain number, or an exponent that no amount has.
    """
    if type(value) is Decimal:
        return value  # from the answer's own digits, bounds checked: nearly always
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise ValueError("not a plain number")
        value = Decimal(value.strip())
        check_number(value)
    elif isinstance(value, float):
        # A float comes from the caller's own code: its shortest text is what was meant.
        value = Decimal(repr(value))
    return value


Money = Annotated[Decimal, BeforeValidator(exact)]
"""An amount, quantity or price with exactly the digits of the answer."""

OpaqueId = Annotated[str, StringConstraints(strip_whitespace=False)]
"""An identifier: not a space of it is touched."""

FrozenLabels = Annotated[dict[str, str], AfterValidator(FrozenDict)]
"""Labels by name; read-only."""

FrozenObject = Annotated[dict[str, Any], AfterValidator(FrozenDict)]
"""A JSON object whose members Flanks has not settled; read-only."""


class FlanksModel(BaseModel):
    """The base of every model: frozen, tolerant of members that Flanks adds; those stay reachable under `raw`."""

    __slots__ = ("_source",)

    # Validators are built when a model is first used: all of them at once would take half a second of every start.
    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True, defer_build=True)

    @property
    def raw(self) -> Mapping[str, Any]:
        """The object as Flanks sent it, read-only; empty for a model that was not made from an answer."""
        source: Mapping[str, Any] | None = getattr(self, "_source", None)
        return MappingProxyType(dict(source)) if source is not None else _NO_SOURCE

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Validate an object and keep it as the model's `raw`.

        Raises:
            pydantic.ValidationError: naming each field that does not fit.
        """
        model = super().model_validate(obj, **options)
        if isinstance(obj, Mapping):
            _set_source(model, cast("Mapping[str, Any]", obj))
        return model

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Validate JSON text; unlike pydantic's own reader, without a float in between.

        Raises:
            pydantic.ValidationError: naming each field that does not fit.
            ValueError: it is no JSON.
        """
        text = json_data.encode() if isinstance(json_data, str) else bytes(json_data)
        return cls.model_validate(json.decode(text, cast("type[Any]", Any)), **options)

    def __hash__(self) -> int:
        # Members can be lists of the caller's; the fields that identify an object are texts and numbers.
        return hash((type(self), next(iter(self.__dict__.values()), None)))

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        state["flanks_source"] = dict(self.raw) or None
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        source = state.pop("flanks_source", None)
        super().__setstate__(state)
        if source is not None:
            _set_source(self, source)

    def __copy__(self) -> Self:
        return _with_source(super().__copy__(), self)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return _with_source(super().__deepcopy__(memo), self)


_set_source: Callable[[FlanksModel, Mapping[str, Any]], None] = FlanksModel.__dict__["_source"].__set__


def _with_source(model: ModelT, origin: FlanksModel) -> ModelT:
    source = getattr(origin, "_source", None)
    if source is not None:
        _set_source(model, source)
    return model


def _either_spelling(name: str) -> AliasChoices:
    camel = to_camel(name)
    return AliasChoices(name) if camel == name else AliasChoices(name, camel)


class MixedCaseModel(FlanksModel):
    """An object of the v0 API, which spells some members in camelCase and some in snake_case: either is accepted."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=_either_spelling), validate_by_name=True)


class RequestModel(FlanksModel):
    """What a caller fills in: mutable, and a member that does not exist is refused instead of dropped."""

    model_config = ConfigDict(extra="forbid", frozen=False, validate_assignment=True)

    __hash__ = None  # pyright: ignore[reportAssignmentType, reportInvalidTypeForm] - mutable, so it has none


@lru_cache(maxsize=64)
def _list_adapter(model: type[FlanksModel]) -> TypeAdapter[Any]:
    return TypeAdapter(list[model])  # pyright: ignore[reportInvalidTypeForm] - the type is known at run time only


def read_rows(model: type[ModelT], rows: list[Any]) -> list[ModelT]:
    """Validate a listing in one pass, each model with its `raw`.

    Raises:
        pydantic.ValidationError: a row does not fit; use `read_row` to find out which, and to keep the others.
    """
    models: list[ModelT] = _list_adapter(model).validate_python(rows)
    for one, row in zip(models, rows, strict=True):
        _set_source(one, row)
    return models


def read_row(model: type[ModelT], row: Any) -> ModelT | ValidationError:
    """Validate one row; the failure is returned, not raised."""
    try:
        return model.model_validate(row)
    except ValidationError as failure:
        return failure


def failed_fields(failure: ValidationError, prefix: str = "") -> tuple[str, ...]:
    """Return the dotted paths of what did not fit, without any value."""
    return tuple(
        ".".join(str(part) for part in (*([prefix] if prefix else []), *detail["loc"]))
        for detail in failure.errors(include_url=False, include_context=False, include_input=False)
    )
