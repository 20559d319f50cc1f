"""Faults done to what connects the agents: strangers, floods, and a Redis that is killed, stalled or cut."""

import os
import signal
import time
from decimal import Decimal
from random import Random
from typing import Final

from bus.broadcast import RedisBroadcast
from bus.codec import encode
from bus.direct import BUNDLE, open_direct
from bus.message import Header, Message
from bus.messages import LeaseState, MarketUpdate, Ping, RiskAlert, RiskLease
from bus.redis_acl import load_secrets
from research.chaos.fault import Fault, stop_clock
from research.chaos.scene import PATIENCE_S, state_of
from research.chaos.wire import State

ALERT: Final = "chaos"
"""Symbol of the alerts that faults raise: it is no market's, so that they weigh on no decision."""
_NOBODY: Final = "stranger"
_TROUBLE: Final = ("codec_errors", "unlawful", "misrouted", "misplaced", "strangers", "denied")
_PAUSE_S: Final = 0.001
_OUTBOX: Final = 256


class Stranger(Fault):
    """Somebody on the victim's socket who sends garbage, and messages in names that may not send them."""

    def begin(self) -> None:
        """Connect and send everything."""
        self._before = self._trouble()
        settings = self.scene.firm.settings
        self._direct = open_direct(settings, f"guest-{os.getpid()}-stranger", is_client=True)
        chance = Random(self.size)
        for number in range(round(self.size)):
            self._direct.send(self.victim, self._frame(number, chance))
            self._direct.flush()

    def end(self) -> None:
        """It stays connected until what it sent has arrived."""

    def check(self) -> None:
        """The victim has counted every frame as what it is."""
        wanted = self._before + round(self.size)
        try:
            self.must_soon(lambda: self._trouble() >= wanted, f"{wanted} frames refused", PATIENCE_S)
        finally:
            self._direct.close()

    def hold(self) -> None:
        """It is over when everything is sent."""

    def _trouble(self) -> int:
        counters = self.scene.counters(self.victim)
        return sum(counters.get(name, 0) for name in _TROUBLE)

    def _frame(self, number: int, chance: Random) -> bytes:
        """Return noise, half a frame, a broken bundle, or a lease or an alert in the name of nobody."""
        match number % 5:
            case 0:
                return b"\xff" + chance.randbytes(40)
            case 1:
                return _framed(Ping(), _NOBODY, self.victim)[: 10 + number % 20]
            case 2:
                return BUNDLE + chance.randbytes(20)
            case 3:
                alert = RiskAlert(symbol="*", severity=1.0, source=_NOBODY, reason="forged")
                return _framed(alert, _NOBODY, None, sequence=1)
            case _:
                lease = RiskLease(state=LeaseState.HALTED, expires_ns=0, reason="forged")
                return _framed(lease, _NOBODY, self.victim)


class Flood(Fault):
    """Market updates that everybody has heard long since, as fast as they go."""

    def begin(self) -> None:
        """Publish them all, on the channel and with the secret of the market."""
        firm = self.scene.firm
        keys = firm.settings.keys
        self._before = {name: self.scene.counters(name).get("duplicates", 0) for name in self.scene.agents}
        self._crier = RedisBroadcast(self.scene.redis_url, {}, "market", lambda: load_secrets(keys, "market"))
        self._crier.connect_or_fail(PATIENCE_S)
        frame = _framed(_stale(), "market", None, sequence=1)
        count = round(self.size)
        for number in range(count):
            if number == count // 2:
                self._in_the_middle()
            self._publish(MarketUpdate.KIND, frame)
            if number % _OUTBOX == 0:
                self._crier.receive()
        self._crier.close()

    def hold(self) -> None:
        """It is over when everything is sent."""

    def check(self) -> None:
        """Somebody has counted them as repetitions."""
        after = {name: self.scene.counters(name).get("duplicates", 0) for name in self.scene.agents}
        heard = sum(max(0, after[name] - self._before[name]) for name in after)
        self.must(heard >= self.size, f"{heard} of its frames were heard")

    def _publish(self, kind: str, frame: bytes) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not self._crier.publish(kind, frame):
            self.must(time.monotonic() < deadline, "Redis takes nothing")
            self._crier.receive()
            time.sleep(_PAUSE_S)

    def _in_the_middle(self) -> None:
        """Say nothing else."""


class FloodAlert(Flood):
    """The same, with an alert in the middle that everybody must hear."""

    def _in_the_middle(self) -> None:
        number = len(self.scene.told) + 1
        alert = RiskAlert(symbol=ALERT, severity=0.0, source="market", reason="in the middle of a flood")
        self._publish(alert.KIND, _framed(alert, "market", None, sequence=number, ttl_ms=0))
        self.scene.told.append(f"alert/market/{number}")


class RedisKill(Fault):
    """SIGKILL for the embedded Redis, and another one in its place."""

    def begin(self) -> None:
        """Kill it."""
        pid = self.scene.firm.supervisor.redis_pid
        self.must(pid is not None, "no Redis runs")
        assert pid is not None
        self._pid = pid
        self.scene.firm.kill_redis()
        self.must_soon(lambda: self.scene.firm.supervisor.redis_pid != pid, f"pid {pid} is alive")

    def end(self) -> None:
        """Have another one started, unless the supervisor was first."""
        supervisor = self.scene.firm.supervisor
        if supervisor.redis_pid is None:
            supervisor.start_redis()
        self.must(supervisor.redis_pid not in (None, self._pid), "no other Redis runs")


class RedisStall(Fault):
    """SIGSTOP for the embedded Redis: connections stand, nothing comes."""

    def begin(self) -> None:
        """Stop its clock."""
        pid = self.scene.firm.supervisor.redis_pid
        self.must(pid is not None, "no Redis runs")
        assert pid is not None
        self._pid = pid
        stop_clock(pid)
        self.must_soon(lambda: state_of(pid) == "T", f"pid {pid} goes on")

    def end(self) -> None:
        """Let it go on."""
        os.kill(self._pid, signal.SIGCONT)


class RedisCut(Fault):
    """Every connection to Redis is closed, and none is made."""

    wanted = State.CUT

    def begin(self) -> None:
        """Cut the wire."""
        wire = self.scene.wire
        self.must(wire is not None, "this firm has no wire to Redis")
        assert wire is not None
        self._wire = wire
        self.must_soon(lambda: wire.connections > 0, "nobody is connected to Redis", PATIENCE_S)
        closed = wire.closed
        wire.turn(self.wanted)
        if self.wanted is State.CUT:
            self.must(wire.closed > closed and not wire.connections, "a connection stands")

    def end(self) -> None:
        """Make the wire whole."""
        self._wire.turn(State.WHOLE)


class RedisHole(RedisCut):
    """The wire to Redis takes everything and gives nothing."""

    wanted = State.HOLE


def _framed(message: Message, sender: str, to: str | None, *, sequence: int = 0, ttl_ms: int = 600_000) -> bytes:
    now_ns = time.time_ns()
    header = Header(
        f"{sender}!{ALERT}!{now_ns}", f"{ALERT}!{now_ns}", "", message.KIND, sender, to, sequence, now_ns, ttl_ms,
        int(message.PRIORITY),
    )  # fmt: skip
    return encode(header, message)


def _stale() -> MarketUpdate:
    one = Decimal(1)
    return MarketUpdate(symbol="SPX", bar=0, opened_ns=0, open=one, high=one, low=one, close=one, volume=one)
