"""Plain data: every type and every bit survives; anything else is one CodecError."""

import contextlib
import enum
import gc
import math
import random
import struct
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bus import plain
from bus.errors import CodecError
from bus.message import Header, Message, Part, registry
from bus.messages import Action, DecisionRequest, Phase, Score
from tests.bus.samples import headers, messages

KINDS = sorted(registry().values(), key=lambda kind: kind.KIND)


class Colour(enum.IntEnum):
    RED = 1
    GREEN = 2
    ALSO_RED = 1


class Marks(enum.Flag):
    NEW = 1
    OLD = 2


class Leaf(Part):
    value: Decimal
    colour: Colour


class Tree(Part):
    leaves: tuple[Leaf, ...]
    pairs: tuple[tuple[str, float], ...]


class Local(Message):
    """A message without a wire name."""

    tree: Tree


def identical(one: Any, two: Any) -> bool:
    """Compare types and bits, all the way down."""
    if type(one) is not type(two):
        return False
    match one:
        case float():
            return struct.pack("<d", one) == struct.pack("<d", float(two))
        case np.ndarray() | np.generic():
            return (one.dtype.str, one.shape, one.tobytes()) == (two.dtype.str, two.shape, two.tobytes())
        case list() | tuple():
            return len(one) == len(two) and all(map(identical, one, two))
        case dict():
            return identical(list(one), list(two)) and identical(list(one.values()), list(two.values()))
        case Decimal():
            return str(one) == str(two)
        case enum.Enum():
            return one is two
        case Part():
            return identical(one.__dict__, two.__dict__)
        case _:
            return bool(one == two)


numbers = st.integers() | st.integers(min_value=-(2**127), max_value=2**127) | st.floats(allow_subnormal=True)
leaves = st.builds(Leaf, value=st.decimals(allow_nan=False, allow_infinity=False), colour=st.sampled_from(Colour))
trees = st.builds(
    Tree,
    leaves=st.lists(leaves, max_size=3).map(tuple),
    pairs=st.lists(st.tuples(st.text(max_size=3), st.floats(allow_nan=False, allow_infinity=False)), max_size=2).map(
        tuple
    ),
)
dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64, 128)),
    hnp.complex_number_dtypes(endianness="?"),
)
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
scalars = st.sampled_from(
    [np.bool_(1), np.int8(-3), np.uint64(2**64 - 1), np.float16(0.1), np.float64("nan"), np.complex64(1j)]
)
hashables = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.sampled_from(Action),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)
atoms = st.one_of(
    hashables, st.decimals(), arrays, scalars, trees, st.builds(Local, tree=trees), headers(DecisionRequest),
    st.text(st.characters(), max_size=5), st.sampled_from(Colour), st.sampled_from(Phase),
)  # fmt: skip
values = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashables, inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(values)
def test_a_value_comes_back_with_every_type_and_bit(value: Any) -> None:
    assert identical(plain.unpack(plain.pack(value)), value)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_every_registered_message_comes_back(kind: type[Message]) -> None:
    @settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(messages(kind))
    def check(message: Message) -> None:
        back = plain.unpack(plain.pack({"waiting": [(1, message)]}))["waiting"][0][1]
        assert identical(back, message)

    check()


def test_dictionaries_keep_their_order_and_their_keys() -> None:
    state = {("SPX", 3): 1, 7: 2, "z": 3, Phase.GROWTH: 4, (("a", 1.5), None): 5, Decimal("1.0"): 6}
    back = plain.unpack(plain.pack(state))
    assert list(back) == list(state)
    assert identical(back, state)


def test_a_seed_of_a_generator_survives() -> None:
    numpy_state = np.random.PCG64(7).state
    python_state = random.Random(7).getstate()
    assert identical(plain.unpack(plain.pack(numpy_state)), numpy_state)
    assert identical(plain.unpack(plain.pack(python_state)), python_state)


def test_not_a_numbers_keep_their_payload() -> None:
    strange = struct.unpack("<d", bytes.fromhex("010000000000f87f"))[0]
    assert struct.pack("<d", plain.unpack(plain.pack(strange))).hex() == "010000000000f87f"
    assert math.copysign(1.0, plain.unpack(plain.pack(-0.0))) == -1.0


def test_arrays_come_back_writable_and_in_their_own_order() -> None:
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    back = plain.unpack(plain.pack([fortran, fortran[:, ::2]]))
    assert back[0].flags.f_contiguous
    assert not back[0].flags.c_contiguous
    assert back[1].tolist() == [[0.0, 2.0], [3.0, 5.0]]
    back[0][0, 0] = 9.0
    assert fortran[0, 0] == 0.0


def test_the_same_value_gives_the_same_bytes() -> None:
    state = {"a": (1, 2.5, Decimal("3.10")), "b": np.arange(3), "c": Leaf(value=Decimal(1), colour=Colour.RED)}
    assert plain.pack(state) == plain.pack(plain.unpack(plain.pack(state)))


def duplicate_part() -> type[Part]:
    class Twin(Part):
        value: int

    return Twin


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: {1, 2}, "builtins.set is not plain data"),
        (lambda: Counter("ab"), "Counter is not plain data"),
        (lambda: object, "type is not plain data"),
        (lambda: 1j, "complex is not plain data"),
        (lambda: np.array(["a"]), "ndarray is not plain data"),
        (lambda: np.array([None]), "ndarray is not plain data"),
        (lambda: np.str_("a"), "str_ is not plain data"),
        (lambda: np.ma.masked_array([1]), "MaskedArray is not plain data"),
        (lambda: Marks.NEW | Marks.OLD, "combination"),
        (lambda: [(lambda: 1,)], "function is not plain data"),
        (lambda: (duplicate_part()(value=1), duplicate_part()(value=2)), "more than one class"),  # type: ignore[call-arg]
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused_by_name(make: Callable[[], object], says: str) -> None:
    with pytest.raises(CodecError, match=says):
        plain.pack(make())


def test_nesting_is_bounded_both_ways() -> None:
    deep: Any = ()
    for _ in range(plain.MAX_DEPTH - 2):
        deep = (deep,)
    assert identical(plain.unpack(plain.pack(deep)), deep)
    with pytest.raises(CodecError, match="nested"):
        plain.pack(((deep,),))
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(CodecError, match="cannot be packed"):
        plain.pack(circle)
    hostile = msgpack.packb([])
    for _ in range(2_000):
        hostile = msgpack.packb([msgpack.ExtType(1, hostile)])
    with pytest.raises(CodecError, match="nested"):
        plain.unpack(hostile)


def ext(code: int, content: object) -> bytes:
    data: bytes = msgpack.packb(msgpack.ExtType(code, msgpack.packb(content)))
    return data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgpack.packb(1) + b"\x00",
        msgpack.packb({"a": 1})[:-1],
        ext(99, []),
        ext(1, {"not": "a list"}),
        ext(2, ["too", "short"]),
        msgpack.packb(msgpack.ExtType(4, b"1.2.3")),
        msgpack.packb(msgpack.ExtType(4, b"\xff")),
        ext(5, ["<f8", [2], "C", b"12345678"]),
        ext(5, ["<f8", [-1], "C", b""]),
        ext(5, ["<f8", [True], "C", bytes(8)]),
        ext(5, ["<f8", [0] * 100, "C", b""]),
        ext(5, ["<f8", [1], "K", bytes(8)]),
        ext(5, ["|O", [1], "C", bytes(8)]),
        ext(5, ["<f3", [1], "C", bytes(3)]),
        ext(5, ["f8,f8", [1], "C", bytes(16)]),
        ext(6, ["<f8", b"1"]),
        ext(6, ["<f8", "12345678"]),
        ext(7, ["bus.messages.decision.Phase", "nowhere"]),
        ext(7, ["bus.messages.decision.Phase", "__class__"]),
        ext(7, ["os.system", "ls"]),
        ext(7, [["unhashable"], "x"]),
        ext(8, ["NO_SUCH_KIND/1", {}]),
        ext(8, ["PERFORMANCE_FEEDBACK/1", {}]),
        ext(8, ["PERFORMANCE_FEEDBACK/1", [1]]),
        ext(9, ["subprocess.Popen", {"args": "ls"}]),
        ext(9, [f"{Score.__module__}.Score", {"member": 3}]),
        b"\xd4\xff\x00",
        b"\x81\x90\x01",
    ],
)
def test_bad_data_is_one_codec_error(data: bytes) -> None:
    with pytest.raises(CodecError):
        plain.unpack(data)


@given(st.binary(max_size=200))
def test_garbage_is_a_value_or_a_codec_error(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        plain.unpack(data)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(values, st.data())
def test_damaged_data_are_a_value_or_a_codec_error(value: Any, data: st.DataObject) -> None:
    packed = bytearray(plain.pack(value))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(packed), bytes(packed[:place])):
        with contextlib.suppress(CodecError):
            plain.unpack(damaged)


def test_a_header_comes_back_as_a_header() -> None:
    header = Header("pads:1", "market:7", "", "PING/1", "pads", None, 0, 1, 2, 3)
    back = plain.unpack(plain.pack([header, tuple(header), list(header)]))
    assert [type(item) for item in back] == [Header, tuple, list]
    assert back[0] == header


def test_packing_leaves_nothing_for_the_garbage_collector() -> None:
    packed = plain.pack({"frames": [b"x" * 1_000] * 10, "nested": (1, (2, 3))})
    gc.collect()
    gc.disable()
    try:
        assert plain.pack({"frames": [b"x" * 1_000] * 10, "nested": (1, (2, 3))}) == packed
        assert gc.collect() == 0
    finally:
        gc.enable()
