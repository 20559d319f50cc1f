"""Over tcp: who holds a key of the firm is let in under his own name, and nobody else, and it is counted."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import zmq
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.direct import ZmqDirect
from bus.errors import Fatal
from bus.lawful import Arrival
from bus.zap import DOMAIN, verdict
from tests.bus.wires import Wires, bare_dealer

HOLDERS: Final = {b"p" * 32: "pads", b"o" * 32: "operator"}
WORDS: Final = b"words"


@pytest.fixture
def wires(tmp_path: Path) -> Iterator[Wires]:
    made = Wires(tmp_path / "keys", ["pads", "risk"])
    made.open("risk")
    yield made
    made.close()


def stray() -> tuple[bytes, bytes]:
    """Return a pair that nobody in the firm has."""
    key = X25519PrivateKey.generate()
    return key.private_bytes_raw(), key.public_key().public_bytes_raw()


def denied(wires: Wires, count: int) -> str:
    """Turn until risk has let ``count`` in nowhere, and nothing has arrived; return its last reason."""
    risk = wires.planes["risk"]
    arrived: list[Arrival] = []
    deadline = time.monotonic() + 10.0
    while risk.counters["denied"] < count:
        arrived += wires.turn()["risk"]
        assert time.monotonic() < deadline, risk.counters
    assert arrived == wires.idle(0.05) == []
    return risk.last_denied


def test_an_agent_is_known_by_its_key(wires: Wires) -> None:
    wires.open("pads")
    wires.say("pads", "risk", WORDS)
    assert wires.hear("risk") == [Arrival(WORDS, "pads")]
    wires.say("risk", "pads", b"answer")
    assert wires.hear("pads") == [Arrival(b"answer", "risk")]
    assert not wires.planes["risk"].counters


def test_bundles_carry_the_origin_of_each_frame(wires: Wires) -> None:
    pads = wires.open("pads")
    for number in range(5):
        pads.send("risk", b"%d" % number)
    pads.flush()
    assert wires.hear("risk", 5) == [Arrival(b"%d" % number, "pads") for number in range(5)]


def test_guests_hold_the_operators_key_and_are_answered_on_their_own_connections(wires: Wires) -> None:
    for guest in ("guest-1", "guest-2"):
        wires.open(guest, is_client=True)
        wires.say(guest, "risk", WORDS)
        assert wires.hear("risk") == [Arrival(WORDS, "operator")]
    wires.say("risk", "guest-2", b"answer")
    assert wires.hear("guest-2") == [Arrival(b"answer", "risk")]
    assert wires.idle(0.05) == []


@pytest.mark.parametrize("is_client", [True, False])
def test_ops_asks_as_itself_and_is_answered_where_it_asked(wires: Wires, is_client: bool) -> None:
    wires.open("ops", is_client=is_client)
    wires.say("ops", "risk", WORDS)
    assert wires.hear("risk") == [Arrival(WORDS, "ops")]
    wires.say("risk", "ops", b"answer")
    assert wires.hear("ops") == [Arrival(b"answer", "risk")]


def test_a_guest_asks_ops(wires: Wires) -> None:
    wires.open("ops")
    guest = wires.open("guest-1", {"ops": wires.book["ops"]}, is_client=True)
    wires.say("guest-1", "ops", WORDS)
    assert wires.hear("ops") == [Arrival(WORDS, "operator")]
    wires.say("ops", "guest-1", b"answer")
    assert wires.hear("guest-1") == [Arrival(b"answer", "ops")]
    assert not guest.counters


def test_whoever_has_no_key_gets_nothing_through(wires: Wires) -> None:
    with bare_dealer(wires.book["risk"], b"pads") as stranger:
        stranger.send(WORDS)
        reason = denied(wires, 1)
    assert reason.startswith("a connection")


def test_a_key_of_another_firm_gets_nothing_through(wires: Wires) -> None:
    secret, public = stray()
    server = wires.keys("risk").public
    with bare_dealer(wires.book["risk"], b"pads", secret=secret, public=public, server=server) as stranger:
        stranger.send(WORDS)
        reason = denied(wires, 1)
    assert reason == "a key that nobody in the firm has, from 127.0.0.1"


def test_the_public_key_of_an_agent_without_its_private_one_gets_nothing_through(wires: Wires) -> None:
    secret, _ = stray()
    public, server = wires.keys("pads").public, wires.keys("risk").public
    with bare_dealer(wires.book["risk"], b"pads", secret=secret, public=public, server=server) as stranger:
        stranger.send(WORDS)
        denied(wires, 1)


def test_who_does_not_know_the_agent_he_calls_gets_nothing_through(wires: Wires) -> None:
    pads = wires.keys("pads")
    with bare_dealer(
        wires.book["risk"], b"pads", secret=pads.secret, public=pads.public, server=pads.public
    ) as stranger:
        stranger.send(WORDS)
        reason = denied(wires, 1)
    assert reason == "a connection whose handshake was not CURVE, or not with this agent's public key"


@pytest.mark.parametrize(
    ("holder", "routing_id"),
    [("pads", b"risk"), ("pads", b"guest-1"), ("pads", b"operator"), ("operator", b"pads"), ("operator", b""),
     ("ops", b"pads"), ("operator", b"ops")],
)  # fmt: skip
def test_an_honest_key_under_anothers_name_gets_nothing_through(wires: Wires, holder: str, routing_id: bytes) -> None:
    keys, server = wires.keys(holder), wires.keys("risk").public
    with bare_dealer(wires.book["risk"], routing_id, secret=keys.secret, public=keys.public, server=server) as impostor:
        impostor.send(WORDS)
        reason = denied(wires, 1)
    assert reason.startswith(f"{holder}'s key under the name")


def test_an_impostor_does_not_take_a_connection_over(wires: Wires) -> None:
    wires.open("pads")
    wires.say("pads", "risk", b"before")
    wires.hear("risk")
    keys, server = wires.keys("operator"), wires.keys("risk").public
    with bare_dealer(wires.book["risk"], b"pads", secret=keys.secret, public=keys.public, server=server) as impostor:
        impostor.send(WORDS)
        denied(wires, 1)
        wires.say("pads", "risk", b"after")
        assert wires.hear("risk") == [Arrival(b"after", "pads")]
    assert wires.planes["risk"].counters == {"denied": 1}


def test_an_impostor_of_an_agent_hears_nothing_that_is_for_it(wires: Wires) -> None:
    """Whoever binds the address of an agent without its private key is not spoken to."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as false:
        secret, _ = stray()
        false.setsockopt(zmq.CURVE_SERVER, 1)
        false.setsockopt(zmq.CURVE_SECRETKEY, secret)
        false.bind(wires.book["pads"])
        wires.say("risk", "pads", WORDS)
        wires.idle(0.3)
        assert not false.poll(0)


GARBAGE: Final = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "old": b"\x01\x00\x05hello",
    "older": b"\xff" + bytes(8) + b"\x7f\x01\x05\x00\x00\x00\x05hello",
    "null": b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48),
    "curve": b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(47) + b"\x04\xc8\x05HELLO" + bytes(194),
    "noise": b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(47) + os.urandom(400),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_handshake_is_counted(wires: Wires, name: str) -> None:
    port = int(wires.book["risk"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(GARBAGE[name])
        wires.idle(0.05)
    assert denied(wires, 1)
    assert wires.planes["risk"].counters == {"denied": 1}


def test_a_crowd_of_strangers_is_counted_to_the_last_and_holds_nobody_up(wires: Wires) -> None:
    wires.open("pads")
    secret, public = stray()
    server = wires.keys("risk").public
    with zmq.Context() as context:
        dealers = []
        for _ in range(200):
            dealer = context.socket(zmq.DEALER)
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.setsockopt(zmq.RECONNECT_IVL, -1)
            dealer.setsockopt(zmq.CURVE_SECRETKEY, secret)
            dealer.setsockopt(zmq.CURVE_PUBLICKEY, public)
            dealer.setsockopt(zmq.CURVE_SERVERKEY, server)
            dealer.connect(wires.book["risk"])
            dealers.append(dealer)
        wires.say("pads", "risk", WORDS)
        assert wires.hear("risk") == [Arrival(WORDS, "pads")]
        denied(wires, 200)
        for dealer in dealers:
            dealer.close()
    wires.say("pads", "risk", b"still there")
    assert wires.hear("risk") == [Arrival(b"still there", "pads")]
    assert wires.planes["risk"].counters == {"denied": 200}


def test_peers_that_come_and_go_are_not_counted(wires: Wires) -> None:
    for number in range(5):
        guest = wires.open(f"guest-{number}", is_client=True)
        wires.say(guest.name, "risk", WORDS)
        wires.hear("risk")
        wires.planes.pop(guest.name).close()
    wires.idle(0.2)
    assert not wires.planes["risk"].counters


def test_nobody_is_let_in_while_the_loop_does_not_turn(wires: Wires) -> None:
    pads = wires.open("pads")
    pads.send("risk", WORDS)
    pads.flush()
    time.sleep(0.3)
    risk = wires.planes["risk"]
    assert not int(risk._receivers[0][0].get(zmq.EVENTS)) & zmq.POLLIN
    assert wires.hear("risk") == [Arrival(WORDS, "pads")]


def test_tcp_without_keys_is_refused(wires: Wires) -> None:
    with pytest.raises(Fatal) as error:
        ZmqDirect("pads", wires.book)
    assert str(error.value) == "pads has no CURVE keys and may not speak tcp without; run `boardroom keys`"


def test_an_address_in_use_is_told_and_nothing_is_left_open(wires: Wires) -> None:
    with pytest.raises(Fatal, match=r"risk cannot bind tcp.*stop that one, or change bus.ports.risk"):
        ZmqDirect("risk", wires.book, keys=wires.keys("risk"))


def request(**changes: bytes) -> list[bytes]:
    frames = {
        "version": b"1.0", "id": b"7", "domain": DOMAIN, "address": b"10.0.0.7", "identity": b"",
        "mechanism": b"CURVE", "key": b"p" * 32,
    }  # fmt: skip
    return list({**frames, **changes}.values())


def test_the_reply_names_the_holder() -> None:
    assert verdict(request(), HOLDERS) == ([b"1.0", b"7", b"200", b"OK", b"pads", b""], "")


@pytest.mark.parametrize(
    "changes",
    [{"version": b"2.0"}, {"domain": b"global"}, {"mechanism": b"NULL"}, {"mechanism": b"PLAIN"}, {"key": b""},
     {"key": b"q" * 32}, {"key": b"p" * 31}, {"more": b""}],
)  # fmt: skip
def test_whatever_is_not_a_known_key_by_curve_is_refused(changes: dict[str, bytes]) -> None:
    reply, reason = verdict(request(**changes), HOLDERS)
    assert reply == [b"1.0", b"7", b"400", b"not in the firm", b"", b""]
    assert reason


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=9))
def test_no_made_up_request_is_let_in(frames: list[bytes]) -> None:
    reply, reason = verdict(frames, HOLDERS)
    assert reply[2] == b"400"
    assert reason


def test_a_peer_whose_name_nobody_knows_yet_is_waited_for(wires: Wires) -> None:
    port = wires.book["risk"].rpartition(":")[2]
    pads = wires.open("pads", {**wires.book, "risk": f"tcp://not-yet.invalid:{port}"})
    wires.say("pads", "risk", WORDS)
    assert wires.idle(0.2) == []
    assert not pads.counters
