"""Plain data as bytes and back, every type and every bit as it was: what the snapshots of agents are made of.

Only what is listed in ``pack`` has a form here; anything else is refused rather than turned into something near to it.
Classes are found by name among those this process has already loaded: data never cause an import or a call by name.
"""

import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cached_property
from typing import Any, Final

import msgpack
import numpy as np
from pydantic import ValidationError

from bus.errors import CodecError
from bus.message import Header, Message, Part, lookup

MAX_DEPTH: Final = 48
"""Bound on tuples, messages, parts and headers inside one another; lists and dicts between them may go 1,000 deep."""

_TUPLE, _HEADER, _INT, _DECIMAL, _ARRAY, _SCALAR, _ENUM, _MESSAGE, _PART = range(1, 10)
_NUMERIC: Final = "biufc"
_DTYPE: Final = re.compile(rf"[<>|][{_NUMERIC}][0-9]{{1,2}}")


def pack(value: object) -> bytes:
    """Return ``value`` as bytes.

    Parameters
    ----------
    value
        None, bool, int of any size, float (NaN and infinities included), str, bytes, list, tuple, dict with hashable
        keys of these types in its order, Decimal, Enum member, Header, Message or other Part, numpy array or scalar
        of a boolean or numeric dtype. An array keeps C or Fortran order and comes back writable; any other layout
        becomes C. A bytearray or memoryview becomes bytes. An object referred to twice becomes two.

    Raises
    ------
    CodecError
        A value of another type (subclasses are other types), nested too deeply, or a class that its name no longer
        leads to.
    """
    writer = _Writer()
    try:
        return writer.pack(value)
    except CodecError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise CodecError(f"{type(value).__name__} cannot be packed: {error}") from None
    finally:
        writer.close()


def unpack(data: bytes) -> Any:
    """Return the value that ``pack`` turned into ``data``.

    Raises
    ------
    CodecError
        Truncated or malformed data, bytes left over, an unknown class, or fields that a message class refuses.
    """
    try:
        return _Reader().unpack(data)
    except CodecError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise CodecError(f"malformed plain data of {len(data)} bytes: {type(error).__name__} {error}".strip()) from None


class _Writer:
    def __init__(self) -> None:
        self._packers: list[Any] = []
        self._depth = 0
        self._classes = _Classes()

    def pack(self, value: object) -> bytes:
        depth = self._depth
        if depth == MAX_DEPTH:
            raise CodecError(f"tuples or messages nested more than {MAX_DEPTH} deep")
        if depth == len(self._packers):
            packer = msgpack.Packer(
                default=self._extend, strict_types=True, unicode_errors="surrogatepass", buf_size=4096
            )
            self._packers.append(packer)
        self._depth = depth + 1
        data: bytes = self._packers[depth].pack(value)
        self._depth = depth
        return data

    def close(self) -> None:
        """Let the packers go: each refers back to this writer and keeps a buffer as large as what it packed."""
        self._packers.clear()

    def _extend(self, value: Any) -> msgpack.ExtType:
        code, data = self._form(value)
        return msgpack.ExtType(code, data)

    def _form(self, value: Any) -> tuple[int, bytes]:
        cls = type(value)
        if cls is tuple:
            return _TUPLE, self.pack(list(value))
        if cls is Header:
            return _HEADER, self.pack(list(value))
        if cls is int:
            return _INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
        if cls is Decimal:
            return _DECIMAL, str(value).encode("ascii")
        if cls is np.ndarray and value.dtype.kind in _NUMERIC:
            order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
            return _ARRAY, self.pack([value.dtype.str, list(value.shape), order, value.tobytes(order)])
        if isinstance(value, np.generic) and value.dtype.kind in _NUMERIC:
            return _SCALAR, self.pack([value.dtype.str, value.tobytes()])
        if isinstance(value, Enum):
            return _ENUM, self.pack([self._classes.name_of(cls, self._classes.enums), _member(value)])
        if isinstance(value, Message) and lookup(value.KIND) is cls:
            return _MESSAGE, self.pack([value.KIND, value.__dict__])
        if isinstance(value, Part):
            return _PART, self.pack([self._classes.name_of(cls, self._classes.parts), value.__dict__])
        raise CodecError(f"{_name(cls)} is not plain data, give numbers, text, lists or dicts instead: {value!r:.80}")


class _Reader:
    def __init__(self) -> None:
        self._depth = 0
        self._classes = _Classes()
        self._forms: dict[int, Callable[[bytes], Any]] = {
            _TUPLE: lambda data: tuple(self._fields(data)),
            _HEADER: self._header,
            _INT: lambda data: int.from_bytes(data, "big", signed=True),
            _DECIMAL: _decimal,
            _ARRAY: self._array,
            _SCALAR: self._scalar,
            _ENUM: self._enum,
            _MESSAGE: lambda data: self._part(data, lookup),
            _PART: lambda data: self._part(data, self._classes.parts.get),
        }

    def unpack(self, data: bytes) -> Any:
        if self._depth == MAX_DEPTH:
            raise CodecError(f"malformed plain data: nested more than {MAX_DEPTH} deep")
        self._depth += 1
        value = msgpack.unpackb(data, ext_hook=self._extend, strict_map_key=False, unicode_errors="surrogatepass")
        self._depth -= 1
        return value

    def _extend(self, code: int, data: bytes) -> Any:
        form = self._forms.get(code)
        if form is None:
            raise CodecError(f"malformed plain data: unknown extension type {code}")
        return form(data)

    def _fields(self, data: bytes, count: int | None = None) -> list[Any]:
        fields = self.unpack(data)
        if type(fields) is not list or (count is not None and len(fields) != count):
            raise CodecError("malformed plain data: a compound value has the wrong number of fields")
        return fields

    def _header(self, data: bytes) -> Header:
        return Header._make(self._fields(data, len(Header._fields)))

    def _array(self, data: bytes) -> Any:
        name, shape, order, content = self._fields(data, 4)
        dtype = _dtype(name)
        if type(shape) is not list or not all(type(n) is int and n >= 0 for n in shape) or order not in ("C", "F"):
            raise CodecError("malformed plain data: an array with a wrong shape or order")
        if type(content) is not bytes or math.prod(shape) * dtype.itemsize != len(content):
            raise CodecError(f"malformed plain data: array {name} of shape {shape} does not fit its content")
        return np.ndarray(shape, dtype, content, order=order).copy(order)

    def _scalar(self, data: bytes) -> Any:
        name, content = self._fields(data, 2)
        dtype = _dtype(name)
        if type(content) is not bytes or len(content) != dtype.itemsize:
            raise CodecError(f"malformed plain data: scalar {name} does not fit its content")
        return np.frombuffer(content, dtype)[0]

    def _enum(self, data: bytes) -> Enum:
        name, member = self._fields(data, 2)
        cls = self._classes.enums.get(name)
        found = None if cls is None else cls.__members__.get(member)
        if found is None:
            raise CodecError(f"unknown member {name!r}.{member!r}: is its module loaded, and of the same version?")
        return found

    def _part(self, data: bytes, find: Callable[[Any], type[Part] | None]) -> Part:
        name, fields = self._fields(data, 2)
        cls = find(name)
        if cls is None or type(fields) is not dict:
            raise CodecError(f"unknown class {name!r}: is its module loaded, and of the same version?")
        try:
            part: Part = cls.__pydantic_validator__.validate_python(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise CodecError(f"{name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        return part


class _Classes:
    """The parts and enums this process has loaded, by name; walked once for each pack or unpack that needs them."""

    @cached_property
    def parts(self) -> dict[str, type[Part]]:
        return {_name(cls): cls for cls in _subclasses(Part)}

    @cached_property
    def enums(self) -> dict[str, type[Enum]]:
        return {_name(cls): cls for cls in _subclasses(Enum)}

    def name_of(self, cls: type, among: dict[str, Any]) -> str:
        name = _name(cls)
        if among.get(name) is not cls:
            raise CodecError(f"{name} is the name of more than one class: only one of them could be found again")
        return name


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _member(value: Enum) -> str:
    if type(value).__members__.get(value.name) is not value:
        raise CodecError(f"{value!r} is a combination of members: give its value instead")
    return value.name


def _decimal(data: bytes) -> Decimal:
    try:
        return Decimal(data.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        raise CodecError(f"malformed decimal {data[:40]!r}") from None


def _dtype(name: object) -> np.dtype[Any]:
    if type(name) is not str or not _DTYPE.fullmatch(name):
        raise CodecError(f"malformed plain data: {name!r:.40} is no numeric dtype")
    return np.dtype(name)
