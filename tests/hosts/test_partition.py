"""A firm over two hosts: it decides rounds across them, outlives a cut of 30 s, and catches up without a gap."""

import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from ops.compare import differences
from ops.ledger import Ledger
from research.backtest import backtest
from tests.hosts.network import A, B, Network
from tests.hosts.split import CUT_S, SEATS, Split
from tests.ledger import told

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1_100)]
NS: Final = 1_000_000_000
MARKET: Final[dict[str, Any]] = {"bars": 60, "history_bars": 130}
BARS: Final = 2 * (60 + 130)
WARM: Final = 2 * 70
"""Bars after which every seat has the history to answer."""
SETTLED: Final = 20
"""Decisions at the end of a run, after the cut, that must all be of a whole board."""
WAITS: Final[dict[str, Any]] = {
    "market": MARKET,
    "pads": {"decision_timeout_s": 90.0},
    "bus": {"message_ttl_s": 90.0},
}
"""Deadlines longer than the cut: the firm waits for its seats."""
AWAY: Final = ("hung", "recovering", "down")
"""How an agent beyond a cut looks."""
GOES_ON: Final[dict[str, Any]] = {"market": MARKET}
"""The deadlines as shipped, ten of which pass while the wire is cut."""
MOVES: Final[dict[str, Any]] = {"market": MARKET, "pads": {"decision_timeout_s": 10.0}}
"""A deadline longer than a silence takes to be noticed, and much shorter than the cut."""


def undisturbed(split: Split, folder: Path) -> Ledger:
    """Return the ledger of the same firm on one simulated bus."""
    settings = split.settings().elsewhere(folder)
    backtest(settings)
    return Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}")


def assert_whole(split: Split, seats: dict[str, str]) -> None:
    """Check that every bar was decided once and that nothing on its way to a seat was lost."""
    split.settle()
    seen = split.seen()
    for name, agent in seen.items():
        assert agent.get("gaps_lost", 0) == 0, (name, agent)
    assert split.stop() == {"up-b": 0, "up-a": 0}
    counted = Counter((symbol, bar) for _, symbol, bar, _ in split.decided())
    assert len(counted) == BARS
    assert set(counted.values()) == {1}
    first = split.heard("pads", A)["bars"]
    assert len(first) == BARS
    told = [split.heard(name, host) for name, host in seats.items()]
    for heard in told:
        assert heard["bars"] == first
        assert heard["feedbacks"] == told[0]["feedbacks"]
    for symbol in dict(first):
        numbers = [settled for each, settled in told[0]["feedbacks"] if each == symbol]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_firm_that_waits_says_after_a_cut_what_it_would_have_said(network: Network, tmp_path: Path) -> None:
    with Split(network, tmp_path, WAITS) as split:
        split.wait(lambda: split.concluded() >= WARM, "a whole board")
        network.cut()
        split.wait(lambda: "qbmia" not in split.seen(), "the silence of the seats")
        before = split.concluded()
        healed_ns = split.partition(CUT_S)
        assert split.concluded() <= before + 1
        split.wait_done()
        assert_whole(split, dict.fromkeys(SEATS, B))
        decided = split.decided()
        with closing(undisturbed(split, tmp_path / "sim")) as calm, closing(split.ledger) as cut:
            assert differences(calm, cut) == []
    took_s = (next(at for at, _, _, is_quorate in decided if is_quorate and at > healed_ns) - healed_ns) / NS
    print(f"first decision {took_s:.2f} s after the cut of {CUT_S:g} s")
    assert took_s < 10.0


def test_a_firm_that_goes_on_holds_while_it_is_cut_and_misses_no_bar(network: Network, tmp_path: Path) -> None:
    with Split(network, tmp_path, GOES_ON) as split:
        split.wait(lambda: split.health("qbmia") == "healthy", "the supervisor on A to have heard from B")
        split.wait(lambda: split.concluded() >= WARM, "a whole board")
        cut_ns = time.time_ns()
        network.cut()
        split.wait(lambda: all(split.health(seat) in AWAY for seat in SEATS), "the supervisor on A to miss B", CUT_S)
        healed_ns = split.partition(CUT_S - split.cut_s())
        split.wait_done()
        split.wait(lambda: all(split.health(seat) == "healthy" for seat in SEATS), "B back in its eyes")
        assert set(split.status()["agents"]) >= set(split.settings().firm.agents)
        assert_whole(split, dict.fromkeys(SEATS, B))
        decided = split.decided()
        with closing(split.ledger) as ledger:
            assert all(told(ledger, "healthy", seat) for seat in SEATS)
    away = [is_quorate for at, _, _, is_quorate in decided if cut_ns + 4 * NS < at < healed_ns]
    assert len(away) >= 5
    assert not any(away)
    took_s = (next(at for at, _, _, is_quorate in decided if is_quorate and at > healed_ns) - healed_ns) / NS
    print(f"first decision of a whole board {took_s:.2f} s after the cut of {CUT_S:g} s")
    assert took_s < 10.0
    since = [is_quorate for at, _, _, is_quorate in decided if at > healed_ns]
    assert len(since) > 2 * SETTLED
    assert all(since[-SETTLED:])


def test_with_replicas_on_both_sides_a_cut_changes_nothing(network: Network, tmp_path: Path) -> None:
    replicas = {f"{seat}-2": A for seat in SEATS}
    with Split(network, tmp_path, MOVES, replicas) as split:
        split.wait(lambda: split.seen().get("pads", {}).get("replicas_absent") == 0, "all replicas")
        split.wait(lambda: split.concluded() >= WARM, "a whole board")
        network.cut()
        split.wait(lambda: split.seen().get("pads", {}).get("replicas_absent") == 3, "the silence of the seats on B")
        cut_off = split.concluded()
        split.wait(lambda: split.concluded() >= cut_off + 40, "40 bars by the replicas on A")
        split.partition(CUT_S - split.cut_s())
        took_s = split.wait(lambda: split.seen().get("pads", {}).get("replicas_absent") == 0, "the return of B")
        print(f"symbols moved back {took_s:.2f} s after the cut")
        split.wait_done()
        assert split.seen()["pads"]["replicas_partial"] == 0
        assert_whole(split, dict.fromkeys(SEATS, B) | replicas)
        assert all(is_quorate for _, _, bar, is_quorate in split.decided() if bar >= WARM // 2)
        with closing(undisturbed(split, tmp_path / "sim")) as calm, closing(split.ledger) as cut:
            assert differences(calm, cut) == []


@pytest.mark.parametrize("trouble", ["a slow wire", "one packet in ten lost"])
def test_a_bad_wire_costs_time_and_nothing_else(network: Network, tmp_path: Path, trouble: str) -> None:
    with Split(network, tmp_path, WAITS) as split:
        split.wait(lambda: split.concluded() >= WARM, "a whole board")
        if trouble == "a slow wire":
            network.slow("2mbit")
        elif not network.lose(0.1):
            pytest.skip("no iptables to lose packets with")
        split.wait_done()
        assert_whole(split, dict.fromkeys(SEATS, B))
        with closing(undisturbed(split, tmp_path / "sim")) as calm, closing(split.ledger) as slow:
            assert differences(calm, slow) == []
