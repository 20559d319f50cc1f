"""Nobody in: a firm over tcp and CURVE decides its rounds while strangers and impostors try everything they can."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import pytest
import zmq
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bus.address import addresses
from bus.codec import decode, encode
from bus.config import Settings
from bus.curve import CurveKeys, curve_names
from bus.journal import RecordType, read
from bus.main import EXIT_CONFIG, settings_of
from bus.message import Header, Message, Plane
from bus.messages import Command, Ping, SystemCommand
from bus.rundir import RunDir
from ops.compare import differences
from ops.harness import Firm
from tests.bus.wires import bare_dealer, free_ports
from tests.conftest import ROOT
from tests.integration.conftest import CONFIGS, PATIENT, Finished

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
TARGETS: Final = ("execution", "risk", "compliance", "pads")
WANTED: Final = {
    "execution": ("ORDER_APPROVED/1", "RISK_LEASE/1"),
    "risk": ("ORDER_CLEARED/1", "PORTFOLIO_UPDATE/1"),
    "compliance": ("ORDER_PROPOSED/1", "PORTFOLIO_UPDATE/1"),
    "pads": ("EXECUTION_REPORT/1", "PORTFOLIO_UPDATE/1"),
}
"""What a thief would send to each."""
_HELD_S: Final = 180.0
"""What the market is sent while it is held must not expire."""
_PATIENCE_S: Final = 30.0
Treasure = dict[str, list[tuple[Header, Message]]]


def over_tcp() -> dict[str, Any]:
    names = (*settings_of(CONFIGS, Path("nowhere")).firm.agents, "ops")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    patience = {"message_ttl_s": _HELD_S, "transport": "tcp", "ports": ports}
    return {**PATIENT, "pads": {"decision_timeout_s": _HELD_S}, "bus": patience}


def loot(finished: Finished) -> Treasure:
    """Return real messages of those kinds that an undisturbed firm sent, by who received them."""
    found: Treasure = {}
    for name, kinds in WANTED.items():
        taken: dict[str, tuple[Header, Message]] = {}
        for record in read(RunDir(finished.run_dir).journal(name)):
            if record.type is RecordType.INPUT:
                header, message, _ = decode(record.payload)
                if header.kind in kinds:
                    taken.setdefault(header.kind, (header, message))
        halt = SystemCommand(command=Command.HALT, reason="mischief", operator="nobody")
        asked = Header("", "", "", halt.KIND, "guest-1-1", name, 0, 0, 0, 1)
        assert set(taken) == set(kinds)
        found[name] = [*(taken[kind] for kind in kinds), (asked, halt)]
    return found


def forged(loot: Iterable[tuple[Header, Message]], to: str, sender: str | None = None) -> Iterator[bytes]:
    """Give those messages new ids and a sender; without one, whoever may lawfully send them."""
    for number, (header, message) in enumerate(loot):
        name = f"forged:{to}:{sender}:{number}:{time.time_ns()}"
        header = header._replace(id=name, correlation_id=name, causation_id="", sent_ns=time.time_ns(), ttl_ms=20_000)
        header = header._replace(sender=sender or header.sender)
        if message.PLANE is Plane.BROADCAST:
            header = header._replace(sequence=header.sequence + 10_000)
        yield encode(header, message)


class Burglar:
    """Connects to every agent worth robbing and keeps his connections open."""

    def __init__(self, settings: Settings) -> None:
        firm = settings.firm
        self.sent = dict.fromkeys(TARGETS, 0)
        self.book = addresses(firm.bus, firm.agents, RunDir(settings.run_dir).sockets)
        self._open = ExitStack()
        self._dealers: list[zmq.Socket[bytes]] = []

    def send(self, to: str, frames: Iterable[bytes], routing_id: str = "", **keys: bytes) -> None:
        dealer = self._open.enter_context(bare_dealer(self.book[to], routing_id.encode(), **keys))
        self._dealers.append(dealer)
        for frame in frames:
            dealer.send(frame)
            self.sent[to] += 1

    def heard_anything(self) -> bool:
        return any(dealer.poll(0) for dealer in self._dealers)

    def close(self) -> None:
        self._open.close()


def stolen(settings: Settings, name: str, to: str) -> dict[str, bytes]:
    """Return what one connects with who has got hold of the keys of ``name``."""
    keys = CurveKeys.load(settings.keys, name, curve_names(settings.firm.agents))
    return {"secret": keys.secret, "public": keys.public, "server": keys.public_of(to)}


def ping(to: str) -> bytes:
    name = f"ping:{to}:{time.time_ns()}"
    return encode(Header(name, name, "", Ping.KIND, "guest-1-1", to, 0, time.time_ns(), 20_000, 1), Ping())


def counters(firm: Firm, name: str) -> Mapping[str, int]:
    return dict(firm.answer(name).counters)


def words(firm: Firm, name: str, key: str) -> str:
    return str(dict(firm.answer(name).report).get(key, ""))


def wait_for(firm: Firm, name: str, counter: str, count: int) -> None:
    firm.wait(lambda: counters(firm, name).get(counter, 0) >= count, _PATIENCE_S, f"{name}: {counter} {count}")


def concluded(firm: Firm) -> int:
    return int(firm.report("market").get("concluded", 0))


def test_strangers_and_impostors_get_nothing_through_and_are_counted(finished: Finished) -> None:
    """The market is held while they try, and goes on under their eyes, with an agent killed and let in again."""
    treasure = loot(finished)
    with Firm(CONFIGS, over_tcp()) as firm, ExitStack() as stack:
        firm.wait(lambda: concluded(firm) >= 5)
        firm.pause("market")
        burglars = [Burglar(firm.settings) for _ in range(3)]
        for burglar in burglars:
            stack.callback(burglar.close)
        outsider, masked, insider = burglars
        come_as_strangers(outsider, firm, treasure)
        come_under_other_names(masked, firm, treasure)
        come_as_members(insider, firm, treasure)
        firm.resume("market")
        firm.kill("pads")
        firm.restart("pads")
        firm.wait_done()
        assert set(firm.stop().values()) == {0}
        with closing(firm.ledger()) as robbed, closing(finished.ledger()) as undisturbed:
            assert differences(undisturbed, robbed) == []


def come_as_strangers(burglar: Burglar, firm: Firm, treasure: Treasure) -> None:
    """Try with no key and with one of another firm; not even a ping is answered."""
    private = X25519PrivateKey.generate()
    stray = {"secret": private.private_bytes_raw(), "public": private.public_key().public_bytes_raw()}
    for to in TARGETS:
        server = stolen(firm.settings, "qbmia", to)["server"]
        burglar.send(to, forged(treasure[to], to), "market")
        burglar.send(to, [ping(to)], "guest-1-1")
        burglar.send(to, forged(treasure[to], to), "market", **stray, server=server)
        burglar.send(to, [ping(to)], "guest-1-1", **stray, server=server)
    for to in TARGETS:
        wait_for(firm, to, "denied", 4)
        assert "unlawful" not in counters(firm, to)
    assert not burglar.heard_anything()
    with bare_dealer(burglar.book["pads"], b"guest-1-1", **stolen(firm.settings, "operator", "pads")) as guest:
        guest.send(ping("pads"))
        assert guest.poll(10_000)


def come_under_other_names(burglar: Burglar, firm: Firm, treasure: Treasure) -> None:
    """Try with the key of a seat under the routing ids of those whose words count."""
    before = {to: counters(firm, to)["denied"] for to in TARGETS}
    for to in TARGETS:
        owner = "execution" if to == "risk" else "risk"
        burglar.send(to, forged(treasure[to], to), owner, **stolen(firm.settings, "qbmia", to))
    for to in TARGETS:
        wait_for(firm, to, "denied", before[to] + burglar.sent[to])
        assert "unlawful" not in counters(firm, to)
        assert words(firm, to, "last_denied")


def come_as_members(burglar: Burglar, firm: Firm, treasure: Treasure) -> None:
    """Try with honest keys under honest names: in another's words, and in one's own that one may not say."""
    for to in TARGETS:
        seat, operator = (stolen(firm.settings, name, to) for name in ("quasar", "operator"))
        direct = [each for each in treasure[to][:-1] if each[1].PLANE is Plane.DIRECT]
        burglar.send(to, forged(treasure[to], to), "quasar", **seat)
        burglar.send(to, forged(treasure[to], to, "quasar"), "", **seat)
        burglar.send(to, forged(direct, to, "guest-7-7"), "guest-7-7", **operator)
    for to in TARGETS:
        wait_for(firm, to, "unlawful", burglar.sent[to])
        assert counters(firm, to)["unlawful"] == burglar.sent[to]
        assert any(why in words(firm, to, "last_unlawful") for why in ("may not send it", "but came from quasar"))


def test_an_agent_over_tcp_does_not_start_without_its_keys(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BOARDROOM_BUS__TRANSPORT": "tcp"}
    words = ("ops.recorder", "--config", CONFIGS, "--run-dir", tmp_path / "run")
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == EXIT_CONFIG
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(said) == 1
    assert said[0].startswith(f"recorder: {tmp_path}/run/keys/recorder.curve.key: no such key; make the firm's keys")
