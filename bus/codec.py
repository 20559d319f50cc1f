"""The wire form of a message: one msgpack array of the ten header fields, then the body as a map.

The header comes first so that a router can read it without touching the body. docs/wire.md is the specification.
"""

from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final

import msgpack
from pydantic import ValidationError

from bus.errors import CodecError
from bus.message import Envelope, Header, Message, Part, lookup

MAX_FRAME_BYTES: Final = 1 << 20
DECIMAL_EXT: Final = 1
_HEADER_FIELDS: Final = len(Header._fields)
_HEADER_TYPES: Final = frozenset(
    (str, str, str, str, str, recipient, int, int, int, int) for recipient in (str, type(None))
)
_MAX_INT: Final = 2**63 - 1


def encode(header: Header, message: Message) -> bytes:
    """Return the frame of one message.

    Raises
    ------
    CodecError
        The frame would exceed ``MAX_FRAME_BYTES``.
    """
    frame: bytes = _pack((*header, message.__dict__))
    if len(frame) > MAX_FRAME_BYTES:
        raise CodecError(f"{header.kind} {header.id}: frame of {len(frame)} bytes, the bound is {MAX_FRAME_BYTES}")
    return frame


def decode(frame: bytes) -> Envelope:
    """Return header and message of one frame, every field checked.

    Raises
    ------
    CodecError
        Oversized, truncated, trailing bytes, wrong header, unknown kind, or a body that its class refuses.
    """
    if len(frame) > MAX_FRAME_BYTES:
        raise CodecError(f"frame of {len(frame)} bytes, the bound is {MAX_FRAME_BYTES}")
    try:
        fields = msgpack.unpackb(frame, ext_hook=_unpack_ext, use_list=False)
    except CodecError:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise CodecError(f"malformed frame of {len(frame)} bytes: {type(error).__name__} {error}".strip()) from None
    if type(fields) is not tuple or len(fields) != _HEADER_FIELDS + 1:
        raise CodecError(f"malformed frame: expected an array of {_HEADER_FIELDS} header fields and a body")
    header = _header(fields[:-1])
    cls = lookup(header.kind)
    if cls is None:
        raise CodecError(f"unknown kind {header.kind!r} from {header.sender!r}: do both sides run one version?")
    try:
        message = cls.__pydantic_validator__.validate_python(fields[-1])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise CodecError(f"{header.kind} {header.id}: {where}: {first['msg']}") from None
    return Envelope(header, message, frame)


def decode_header(frame: bytes) -> Header:
    """Return the checked header of a frame without reading its body.

    Raises
    ------
    CodecError
        As ``decode``, as far as the header goes.
    """
    unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=MAX_FRAME_BYTES)
    try:
        unpacker.feed(frame)
        if unpacker.read_array_header() != _HEADER_FIELDS + 1:
            raise CodecError(f"malformed frame: expected an array of {_HEADER_FIELDS} header fields and a body")
        return _header(tuple(unpacker.unpack() for _ in range(_HEADER_FIELDS)))
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise CodecError(f"malformed frame of {len(frame)} bytes: {type(error).__name__} {error}".strip()) from None


def _header(fields: tuple[Any, ...]) -> Header:
    if tuple(map(type, fields)) not in _HEADER_TYPES:
        raise CodecError("malformed header: a field has the wrong type")
    header = Header._make(fields)
    if header.priority not in (1, 2, 3):
        raise CodecError(f"malformed header: priority {header.priority}, expected 1, 2 or 3")
    if not (0 <= header.sequence <= _MAX_INT and 0 <= header.sent_ns <= _MAX_INT and 0 <= header.ttl_ms <= _MAX_INT):
        raise CodecError("malformed header: sequence, sent_ns and ttl_ms must lie in [0, 2^63)")
    return header


def _pack_default(value: object) -> object:
    if isinstance(value, Decimal):
        return msgpack.ExtType(DECIMAL_EXT, str(value).encode("ascii"))
    if isinstance(value, Part):
        return value.__dict__
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no wire form")


def _unpack_ext(code: int, data: bytes) -> Decimal:
    if code != DECIMAL_EXT:
        raise CodecError(f"unknown extension type {code}")
    try:
        return Decimal(data.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        raise CodecError(f"malformed decimal {data[:40]!r}") from None


_pack = msgpack.Packer(default=_pack_default).pack
