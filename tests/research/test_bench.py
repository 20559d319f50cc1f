"""The bench's own parts: races beside peers, a round under the stopwatch, what counts as reached."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from bus.approval import forgery
from bus.errors import Fatal
from bus.keys import Verifier
from compliance.rules import RULES as COMPLIANCE_RULES
from research.bench import gates
from research.bench.__main__ import reached
from research.bench.fills import paper_fills_per_s
from research.bench.gate_check import check as gate_check
from research.bench.peers import REACH, Race, measure
from research.bench.profile import profiled
from research.bench.stopwatch import BUS, seats, watch
from risk.rules import RULES as RISK_RULES
from tests.research.planted import settings


def test_a_race_is_how_many_times_longer_the_peer_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Race("x", 2.0, 50.0, 20.0).ratio == 25.0
    module = ModuleType("research.bench.peer_of_test")
    vars(module)["cases"] = lambda: {"sum": (lambda: sum(range(20)), lambda: sum(range(4_000)))}
    monkeypatch.setitem(sys.modules, module.__name__, module)
    ours_us, peer_us = measure("peer_of_test")["us"]["sum"]
    assert 0.0 < 5 * ours_us < peer_us


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "research.bench.peer_games", raising=False)
    monkeypatch.setitem(sys.modules, "nashpy", None)
    assert measure("peer_games") == {"absent": "nashpy"}


def test_every_order_of_the_fills_bench_fills() -> None:
    assert paper_fills_per_s(200) > 0.0


def test_every_order_of_the_gate_check_passes_all_rules_of_both_gates() -> None:
    measured = gate_check(days=101, orders=50)
    assert measured.rules == len(COMPLIANCE_RULES) + len(RISK_RULES)
    assert min(measured) > 0.0


def test_every_group_of_peers_is_there() -> None:
    folder = Path(__file__).parents[2] / "research" / "bench"
    assert {path.stem for path in folder.glob("peer_*.py")} == set(REACH)


@pytest.mark.parametrize(
    ("value", "sign", "bound", "shown"),
    [
        (1000.0, ">=", 1000.0, ("1,000", ">= 1,000", "reached")),
        (999.0, ">=", 1000.0, ("999", ">= 1,000", "falls short")),
        (150.0, "<=", 150.0, ("150", "<= 150", "reached")),
        (151.0, "<=", 150.0, ("151", "<= 150", "falls short")),
    ],
)
def test_a_figure_is_set_beside_its_reach(value: float, sign: str, bound: float, shown: tuple[str, str, str]) -> None:
    assert reached(value, sign, bound) == shown


def test_a_round_under_the_stopwatch_is_spent_by_agents_and_the_bus(tmp_path: Path) -> None:
    firm = settings(tmp_path)
    assert seats(firm) == ["oracle", "noise", "still"]
    watched = watch(firm)
    assert set(watched.decide_us) == set(seats(firm))
    spent = {(each.agent, each.kind): each for each in watched.spent}
    asked = spent["oracle", "DECISION_REQUEST/1"]
    assert asked.calls_a_round == pytest.approx(1.0, abs=0.1)
    assert 0.0 < asked.call_us < 1e5
    total_us = sum(each.round_us for each in watched.spent)
    assert total_us == pytest.approx(1e6 / watched.rounds_per_s, rel=1e-9)
    assert {agent for agent, _ in spent} >= {BUS, "pads", "market", "recorder", *seats(firm)}


def test_a_profile_names_functions_of_this_project(tmp_path: Path) -> None:
    functions = profiled(settings(tmp_path, bars=40))
    assert any(each.name.startswith("bus/stepper.py:") for each in functions)
    assert all(each.whole_us >= each.own_us - 1e-6 for each in functions)
    assert [each.own_us for each in functions] == sorted((each.own_us for each in functions), reverse=True)


def test_the_gates_of_the_bench_pass_its_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days = 150
    monkeypatch.setattr(gates, "DAYS", days)
    monkeypatch.setattr(gates, "_RETURNS", gates._RETURNS[:, : days - 1])
    firm = gates.gate_settings(tmp_path)
    cleared, approved = gates._spoken(firm)
    assert cleared.order == approved.order == gates.order(0)
    assert forgery(Verifier.load(firm.keys), approved, 1) == ""
    assert len(approved.verdicts) >= 30
    assert approved.order.symbol != gates.order(1).symbol


def test_a_gate_that_refuses_the_order_of_the_bench_is_no_figure() -> None:
    with pytest.raises(Fatal, match="the gate refuses the bench's order: it says nothing"):
        gates._passed_on([])
