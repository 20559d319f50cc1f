"""Types of fields in words, as the wire and the configuration call them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Interval, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bus.message import MAX_COUNT

Words = Mapping[Any, str]
WIRE: Final[Words] = {
    bytes: "bytes", bool: "boolean", int: "integer", float: "float", str: "text", Decimal: "decimal", NoneType: "nil",
    tuple: "array", dict: "map",
}  # fmt: skip
CONFIGURATION: Final[Words] = {
    bytes: "bytes", bool: "boolean", int: "integer", float: "number", str: "text", Decimal: "number", NoneType: "none",
    tuple: "list", dict: "table", date: "date",
}  # fmt: skip
_BOUNDS: Final = {Ge: ("ge", "≥"), Gt: ("gt", ">"), Le: ("le", "≤"), Lt: ("lt", "<")}


def describe(annotation: Any, metadata: list[Any], words: Words) -> str:
    """Return a type in words, its bounds included."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner, *extra = arguments
        return describe(inner, [*metadata, *_flat(extra)], words)
    if origin in (Union, UnionType):
        return _listed(describe(each, metadata, words) for each in arguments)
    if origin is Literal:
        return _listed(f"`{value}`" for value in arguments)
    if origin is tuple:
        return _tuple(arguments, metadata, words)
    if origin is dict:
        return f"{words[dict]} of {describe(arguments[1], [], words)}{_counted(metadata)}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _listed(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"{words[dict]} {annotation.__name__}"
    if annotation is str:
        return f"{words[str]}{_long(metadata)}"
    return f"{words[annotation]}{_bounds(metadata)}"


def parts_of(model: type[BaseModel], field: str | None = None) -> Iterator[type[Any]]:
    """Yield the models inside the fields of a model, or inside one field, depth first."""
    for name, info in model.model_fields.items():
        if field in (None, name):
            yield from _inside(info.annotation)


def shown(value: Any) -> str:
    """Return a default as it would stand in TOML; what has no short form is said in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        return "as in configs/firm.toml" if value else "{}"
    if isinstance(value, tuple):
        if any(isinstance(each, BaseModel) for each in value):
            return f"{len(value)} tables"
        return f"[{', '.join(shown(each) for each in value)}]"
    return str(value)


def _listed(choices: Iterable[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def _inside(annotation: Any) -> Iterator[type[Any]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        yield from parts_of(annotation)
    for argument in get_args(annotation):
        yield from _inside(argument)


def _tuple(arguments: tuple[Any, ...], metadata: list[Any], words: Words) -> str:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return f"{words[tuple]} of {describe(arguments[0], [], words)}{_counted(metadata)}"
    each = [describe(argument, [], words) for argument in arguments]
    if len(set(each)) == 1:
        return f"{words[tuple]} of {len(each)}: {each[0]}"
    return f"{words[tuple]} of [{', '.join(each)}]"


def _flat(extra: list[Any]) -> list[Any]:
    return [each for item in extra for each in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _bounds(metadata: list[Any]) -> str:
    found: dict[str, str] = {}
    for each in metadata:
        for bound in each if isinstance(each, Interval) else (each,):
            if type(bound) in _BOUNDS:
                name, sign = _BOUNDS[type(bound)]
                found[sign] = _number(getattr(bound, name))
    if list(found) == ["≥", "≤"]:
        return f" {found['≥']} to {found['≤']}"
    return f" {', '.join(f'{sign} {value}' for sign, value in found.items())}" if found else ""


def _number(value: Any) -> str:
    if value == MAX_COUNT:
        return "2^53 - 1"
    return f"{value:g}" if isinstance(value, float | Decimal) else str(value)


def _long(metadata: list[Any]) -> str:
    least, most = _lengths(metadata)
    if most is None:
        return "" if least is None else ", not empty" if least == 1 else f" of {least} characters or more"
    return f" of {least or 0} to {most} characters"


def _counted(metadata: list[Any]) -> str:
    least, _ = _lengths(metadata)
    return "" if least is None else f"; at least {least}"


def _lengths(metadata: list[Any]) -> tuple[int | None, int | None]:
    least = next((each.min_length for each in metadata if isinstance(each, MinLen)), None)
    return least, next((each.max_length for each in metadata if isinstance(each, MaxLen)), None)
