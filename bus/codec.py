"""The wire form of a message: one msgpack array of the ten header fields, then the body as a map.

The header comes first so that a router can read it without touching the body. docs/wire.md is the specification.
"""

from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final, NamedTuple

import msgpack
from pydantic import ValidationError

from bus.errors import CodecError
from bus.message import MAX_COUNT, Envelope, Header, Message, Overflow, Part, lookup

MAX_FRAME_BYTES: Final = 1 << 20
DECIMAL_EXT: Final = 1
_HEADER_FIELDS: Final = len(Header._fields)
_HEADER_TYPES: Final = frozenset(
    (str, str, str, str, str, recipient, int, int, int, int) for recipient in (str, type(None))
)
_MAX_INT: Final = 2**63 - 1
_MAX_SENDER: Final = 64
_MAX_IDS: Final = 512
_MAX_DECIMAL_BYTES: Final = 100
_MAX_DECIMAL_POWER: Final = 1_000
_SHOWN: Final = 40
_GLANCE_BYTES: Final = 4_096


class Sealed(NamedTuple):
    """A message of which only the header has been read, and the field under which a newer one replaces it."""

    header: Header
    key: str
    frame: bytes


Waiting = Envelope | Sealed
"""A message on its way to its agent, read whole or in part."""


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
        raise CodecError(
            f"unknown kind {header.kind[:_SHOWN]!r} from {header.sender!r}: do both sides run one version?"
        )
    try:
        message = cls.__pydantic_validator__.validate_python(fields[-1])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part)[:_SHOWN] for part in first["loc"]) or "body"
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


class Sealer:
    """Reads of a broadcast no more than it takes to put a newer one in its place; one reader serves all frames."""

    def __init__(self) -> None:
        self._begin()

    def seal(self, frame: bytes) -> Sealed | None:
        """Read header and key of a kind of which the newest replaces others; None where the frame is anything else.

        It costs a part of ``decode``, which is to have its word on the rest before the message is handled.
        """
        try:
            sealed = self._read(frame)
        except (CodecError, ValueError, TypeError, RecursionError, msgpack.UnpackException):
            sealed = None
        if sealed is None:
            self._begin()
        return sealed

    def _read(self, frame: bytes) -> Sealed | None:
        unpacker = self._unpacker
        unpacker.feed(frame)
        self._end += len(frame)
        if unpacker.read_array_header() != _HEADER_FIELDS + 1:
            return None
        header = _header(tuple([unpacker.unpack() for _ in range(_HEADER_FIELDS)]))
        cls = lookup(header.kind)
        if cls is None or cls.OVERFLOW is not Overflow.LATEST:
            return None
        key = None
        for _ in range(unpacker.read_map_header()):
            if key is None and unpacker.unpack() == cls.KEY:
                key = str(unpacker.unpack())
            else:
                unpacker.skip()
                if key is not None:
                    unpacker.skip()
        return None if key is None or unpacker.tell() != self._end else Sealed(header, key, frame)

    def _begin(self) -> None:
        self._unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=MAX_FRAME_BYTES, read_size=_GLANCE_BYTES)
        self._end = 0


def _header(fields: tuple[Any, ...]) -> Header:
    if tuple(map(type, fields)) not in _HEADER_TYPES:
        raise CodecError("malformed header: a field has the wrong type")
    header = Header._make(fields)
    if header.priority not in (1, 2, 3):
        raise CodecError(f"malformed header: priority {header.priority}, expected 1, 2 or 3")
    if not 0 <= header.sequence <= MAX_COUNT:
        raise CodecError(f"malformed header: sequence {header.sequence}, expected 0 to 2^53 - 1")
    if header.sent_ns < 0 or header.ttl_ms < 0 or header.sent_ns + header.ttl_ms * 1_000_000 > _MAX_INT:
        raise CodecError("malformed header: sent_ns and ttl_ms must not be negative, nor their sum reach 2^63 ns")
    if not 0 < len(header.sender) <= _MAX_SENDER:
        raise CodecError(f"malformed header: sender of {len(header.sender)} characters, expected 1 to {_MAX_SENDER}")
    if len(header.id) + len(header.correlation_id) + len(header.causation_id) > _MAX_IDS:
        raise CodecError(f"malformed header: ids of more than {_MAX_IDS} characters together")
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
        value = Decimal(data.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        raise CodecError(f"malformed decimal {data[:_SHOWN]!r}") from None
    if len(data) > _MAX_DECIMAL_BYTES or abs(value.adjusted()) > _MAX_DECIMAL_POWER:
        raise CodecError(f"decimal {data[:_SHOWN]!r} out of all proportion")
    return value


_pack = msgpack.Packer(default=_pack_default).pack
