"""What the payloads of journal records hold that is no frame."""

from struct import Struct
from typing import Any, Final

import msgpack

_U64: Final = Struct("<Q")


def pack_output(cause: int, frame: bytes) -> bytes:
    """Return the payload of an OUTPUT record: the number of the input that caused it, and the frame."""
    return _U64.pack(cause) + frame


def unpack_output(payload: bytes) -> tuple[int, bytes]:
    """Return (number of the input, frame) of an OUTPUT record."""
    return int(_U64.unpack_from(payload)[0]), payload[_U64.size :]


def pack_timer(timer_id: int) -> bytes:
    """Return the payload of a TIMER record."""
    return _U64.pack(timer_id)


def unpack_timer(payload: bytes) -> int:
    """Return the timer id of a TIMER record."""
    return int(_U64.unpack(payload)[0])


def pack_map(data: Any) -> bytes:
    """Return the payload of a START or ACK record."""
    packed: bytes = msgpack.packb(data)
    return packed


def unpack_map(payload: bytes) -> Any:
    """Return what a START or ACK record holds."""
    return msgpack.unpackb(payload)
