"""The wire form: every kind survives the way there and back; nothing else gets in."""

from decimal import Decimal
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.codec import MAX_FRAME_BYTES, decode, decode_header, encode
from bus.errors import CodecError
from bus.message import Header, Message, registry
from bus.messages import DecisionRequest, Phase, RiskAlert, Undelivered
from tests.bus.samples import headers, messages

KINDS = sorted(registry().values(), key=lambda kind: kind.KIND)
REQUEST = DecisionRequest(
    round_id="SPX-250", symbol="SPX", bar=250, horizon=5, band=0.01, prior=(0.3, 0.4, 0.3), position=Decimal("12.50"),
    entry_price=Decimal("1402.25"), exposure=0.06, drawdown=0.01, phase=Phase.GROWTH, appetite=0.7, settled=245,
    deadline_ns=1_700_000_003_000_000_000,
)  # fmt: skip
HEADER = Header(
    "pads:41", "market:7", "execution:9", DecisionRequest.KIND, "pads", "qbmia", 0, 1_700_000_000_000_000_000, 3000, 2
)
GOLDEN = (
    "9ba7706164733a3431a86d61726b65743a37ab657865637574696f6e3a39b24445434953494f4e5f524551554553542f31a470616473a571"
    "626d696100cf17979cfe362a0000cd0bb8028fa8726f756e645f6964a75350582d323530a673796d626f6ca3535058a3626172ccfaa7686f"
    "72697a6f6e05a462616e64cb3f847ae147ae147ba57072696f7293cb3fd3333333333333cb3fd999999999999acb3fd3333333333333a870"
    "6f736974696f6ec7050131322e3530ab656e7472795f7072696365c70701313430322e3235a86578706f73757265cb3faeb851eb851eb8a8"
    "64726177646f776ecb3f847ae147ae147ba57068617365a667726f777468a86170706574697465cb3fe6666666666666a7736574746c6564"
    "ccf5ab646561646c696e655f6e73cf17979cfee8fa5e00a4746f6c64c0"
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
@given(data=st.data())
def test_every_kind_survives_the_wire(kind: type[Message], data: st.DataObject) -> None:
    header, message = data.draw(headers(kind)), data.draw(messages(kind))
    frame = encode(header, message)
    envelope = decode(frame)
    assert envelope.header == header
    assert envelope.message == message
    assert type(envelope.message) is kind
    assert decode_header(frame) == header
    assert encode(envelope.header, envelope.message) == frame


def test_a_golden_frame_keeps_its_bytes() -> None:
    assert encode(HEADER, REQUEST).hex() == GOLDEN
    assert decode(bytes.fromhex(GOLDEN)).message == REQUEST


def test_a_decimal_keeps_its_digits() -> None:
    decoded = decode(encode(HEADER, REQUEST)).message
    assert isinstance(decoded, DecisionRequest)
    assert str(decoded.position) == "12.50"


@given(st.binary(max_size=300))
def test_garbage_is_a_codec_error(frame: bytes) -> None:
    with pytest.raises(CodecError):
        decode(frame)


@given(st.integers(0, len(GOLDEN) // 2 - 1), st.integers(1, 255))
def test_a_flipped_byte_never_crashes(place: int, flip: int) -> None:
    frame = bytearray(bytes.fromhex(GOLDEN))
    frame[place] ^= flip
    try:
        envelope = decode(bytes(frame))
    except CodecError:
        return
    assert encode(envelope.header, envelope.message)


@given(st.integers(0, len(GOLDEN) // 2 - 1))
def test_a_truncated_frame_is_a_codec_error(length: int) -> None:
    with pytest.raises(CodecError):
        decode(bytes.fromhex(GOLDEN)[:length])


def test_bytes_after_the_body_are_refused() -> None:
    with pytest.raises(CodecError, match="malformed frame"):
        decode(bytes.fromhex(GOLDEN) + b"\x00")


def test_an_oversized_frame_is_refused_before_it_is_read() -> None:
    with pytest.raises(CodecError, match="the bound is"):
        decode(b"\x00" * (MAX_FRAME_BYTES + 1))


def test_an_oversized_message_is_not_sent() -> None:
    message = Undelivered(message_id="x" * MAX_FRAME_BYTES, kind="K", recipient="r")
    with pytest.raises(CodecError, match="the bound is"):
        encode(HEADER._replace(kind=message.KIND), message)


def test_an_unknown_kind_is_refused_by_name() -> None:
    frame = encode(HEADER._replace(kind="DECISION_REQUEST/2"), REQUEST)
    with pytest.raises(CodecError, match="unknown kind 'DECISION_REQUEST/2' from 'pads'"):
        decode(frame)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"bar": "250"}, "bar: Input should be a valid integer"),
        ({"band": float("nan")}, "band: "),
        ({"appetite": float("inf")}, "appetite: "),
        ({"appetite": 1.5}, "appetite: Input should be less than or equal to 1"),
        ({"phase": "winter"}, "phase: "),
        ({"position": 12.5}, "position: "),
    ],
)
def test_a_wrong_body_names_its_field(change: dict[str, Any], complaint: str) -> None:
    *header, body = msgpack.unpackb(encode(HEADER, REQUEST), ext_hook=msgpack.ExtType)
    frame = msgpack.packb([*header, {**body, **change}])
    with pytest.raises(CodecError) as caught:
        decode(frame)
    assert complaint in str(caught.value)


def test_a_missing_field_is_named() -> None:
    frame = msgpack.packb([*HEADER._replace(kind=RiskAlert.KIND), {"symbol": "SPX"}])
    with pytest.raises(CodecError, match="severity: Field required"):
        decode(frame)


@pytest.mark.parametrize(
    "frame",
    [
        [],
        [*HEADER],
        [*HEADER, {}, {}],
        [1, *HEADER[1:], {}],
        [*HEADER[:6], -1, *HEADER[7:], {}],
        [*HEADER[:7], 2**63, *HEADER[8:], {}],
        [*HEADER[:9], 4, {}],
        [*HEADER[:9], True, {}],
        {"id": "x"},
        None,
    ],
)
def test_a_wrong_header_is_refused(frame: Any) -> None:
    with pytest.raises(CodecError, match="malformed"):
        decode(msgpack.packb(frame))
    with pytest.raises(CodecError, match="malformed"):
        decode_header(msgpack.packb(frame))


def test_a_body_nested_without_end_is_refused() -> None:
    frame = b"\x9b" + b"".join(msgpack.packb(field) for field in HEADER) + b"\x91" * 5000
    with pytest.raises(CodecError):
        decode(frame)
