"""A valid instance of every kind in the registry, made from its own schema by hypothesis."""

from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from bus.message import MAX_COUNT, Header, Message, Part

_INTS = st.integers(min_value=0, max_value=2**62)
_COUNTS = st.integers(min_value=0, max_value=MAX_COUNT)
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


def messages(kind: type[Message]) -> st.SearchStrategy[Any]:
    """Return a strategy for valid messages of one kind."""
    return _parts(kind)


def headers(kind: type[Message]) -> st.SearchStrategy[Header]:
    """Return a strategy for headers that fit one kind."""
    return st.builds(
        Header,
        id=_TEXT,
        correlation_id=_TEXT,
        causation_id=_TEXT,
        kind=st.just(kind.KIND),
        sender=_TEXT.filter(bool),
        recipient=st.none() | _TEXT,
        sequence=_COUNTS,
        sent_ns=_INTS,
        ttl_ms=st.integers(min_value=0, max_value=2**42),
        priority=st.sampled_from([1, 2, 3]),
    )


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    bytes: st.binary(max_size=64),
    bool: st.booleans(),
    NoneType: st.none(),
}


def _parts(kind: type[Part]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: _field(field) for name, field in kind.model_fields.items()})


def _field(field: FieldInfo) -> st.SearchStrategy[Any]:
    return _value(field.annotation, field.metadata)


def _value(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extra = get_args(annotation)
        flat = [each for item in extra for each in (item.metadata if isinstance(item, FieldInfo) else [item])]
        return _value(inner, [*metadata, *flat])
    if origin in (Union, UnionType):
        return st.one_of(*(_value(each, metadata) for each in get_args(annotation)))
    if origin is tuple:
        return _tuple(get_args(annotation))
    if annotation is Decimal:
        low = next(
            (each.gt if isinstance(each, Gt) else each.ge for each in metadata if isinstance(each, Gt | Ge)), None
        )
        bound = None if low is None else Decimal(str(low))
        found = st.decimals(
            min_value=bound, max_value=Decimal(10) ** 12, allow_nan=False, allow_infinity=False, places=6
        )
        return found.filter(lambda value: bound is None or value > bound)
    if annotation is float:
        least_float, most_float = _bound(metadata, Gt, Ge), _bound(metadata, Le)
        return st.floats(
            min_value=least_float,
            max_value=most_float,
            exclude_min=any(isinstance(each, Gt) for each in metadata),
            allow_nan=False,
            allow_infinity=False,
        )
    if annotation is str:
        least = max((each.min_length for each in metadata if isinstance(each, MinLen)), default=0)
        most = min((each.max_length for each in metadata if isinstance(each, MaxLen)), default=12)
        return st.text(
            st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=least, max_size=max(least, min(most, 12))
        )
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if annotation is int:
        ints = _COUNTS if any(isinstance(each, Le) for each in metadata) else _INTS
        return ints.filter(lambda value: value > 0)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return _parts(annotation)
    raise AssertionError(f"no strategy for {annotation}")


def _bound(metadata: list[Any], *kinds: type) -> float | None:
    for each in metadata:
        if isinstance(each, kinds):
            return float(next(getattr(each, name) for name in ("gt", "ge", "le") if hasattr(each, name)))
    return None


def _tuple(arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return st.lists(_value(arguments[0], []), max_size=3).map(tuple)
    return st.tuples(*(_value(each, []) for each in arguments))
