"""The game of desk and crowd: its cells, its equilibria, and what entanglement changes."""

import math

import pytest

from bus.config import Settings
from kernels.arrays import Floats
from kernels.desk import Stand, game
from kernels.games import regret
from kernels.selection import entangled_position, payoff_dominant
from qbmia import quantum_nash
from qbmia.agent import build
from qbmia.quantum_nash import _STRATEGIES
from tests.conftest import ROOT
from tests.qbmia.alone import STRATEGIES, alone
from tests.seats.driver import Table, bar, walk


def core(chasing: float, fading: float, crowding: float = 0.1) -> tuple[Floats, Floats]:
    row, column = game(chasing, fading, crowding, 0.0)
    return row[[0, 2]], column[[0, 2]]


@pytest.mark.parametrize(
    ("chasing", "fading", "expected"),
    [(0.4, 0.3, [1, 0, 0]), (-0.4, -0.3, [0, 0, 1]), (0.01, -0.01, [0, 1, 0]), (0.0, 0.0, [0, 1, 0])],
)
def test_the_desk_stands_where_it_pays(chasing: float, fading: float, expected: list[float]) -> None:
    row, column = game(chasing, fading, 0.02, 0.05)
    selected = payoff_dominant(row, column)
    assert selected.row.tolist() == expected
    assert regret(row, column, selected.row, selected.column) <= 1e-9


def test_without_entanglement_the_quantum_game_is_the_classical_core() -> None:
    for chasing, fading in ((0.4, 0.3), (-0.4, -0.3), (0.4, 0.1)):
        row, column = core(chasing, fading)
        classical = payoff_dominant(row, column)
        assert entangled_position(row, column, 0.0, _STRATEGIES) == pytest.approx(
            classical.row[0] - classical.row[1], abs=1e-9
        )


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.6])
def test_entanglement_lets_the_crowd_turn_the_desk_away(gamma: float) -> None:
    """Where it pays to stand with the move whatever the crowd does, the crowd plays Q: found with cos^2 gamma."""
    row, column = core(0.071, 0.051, 0.02)
    assert entangled_position(row, column, gamma, _STRATEGIES) == pytest.approx(math.cos(gamma) ** 2, abs=1e-9)


def test_an_equilibrium_without_a_certificate_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    none = Stand(math.nan, 1.0, 0.1, 0.1, 50.0, 50.0, 0.0, 0.0)
    table = alone("quantum_nash")
    for row in walk(3, 80):
        table.play(row)
    monkeypatch.setattr(quantum_nash, "stand", lambda *_, **__: none)
    assert table.play(walk(3, 81)[80]).belief is None


def test_it_abstains_while_the_cells_are_thin() -> None:
    table = alone("quantum_nash", least_bars=40)
    responses = [table.play(row).belief for row in walk(5, 200)]
    assert responses[64] is None
    assert responses[-1] is not None


@pytest.mark.parametrize("persistence", [0.5, -0.5])
def test_a_market_that_persists_or_reverts_is_found(persistence: float) -> None:
    table = alone("quantum_nash", memory_bars=1)
    for row in walk(2, 900, persistence=persistence):
        table.play(row)
    gains = [played.gain for played in table.played if played.gain is not None]
    assert sum(gains) / len(gains) > 0.003


def beliefs(*, quantum: bool, others: bool) -> list[object]:
    """Play a table whose seat comes from the shipped configuration; ``others`` lets it see a second, alike market."""
    strategies = {each: float(each == "quantum_nash") for each in STRATEGIES}
    overrides = {"quantum_nash": {"cost": 0.0}, "strategies": strategies, "quorum": 1}
    settings = Settings.load(ROOT / "configs", ROOT / "var" / "unused").overridden(
        {"models": {"quantum": quantum}, "qbmia": overrides}
    )
    table = Table(build(settings))
    said: list[object] = []
    for number, row in enumerate(walk(4, 200)):
        if others:
            table.hand(bar(number, row, "NDX"), "market")
        said.append(table.play(row).belief)
    return said


@pytest.mark.parametrize("others", [False, True])
def test_the_quantum_game_can_be_switched_off(others: bool) -> None:
    assert beliefs(quantum=True, others=others) != beliefs(quantum=False, others=others)


def test_markets_that_move_alike_entangle_the_game() -> None:
    assert beliefs(quantum=True, others=True) != beliefs(quantum=True, others=False)
    assert beliefs(quantum=False, others=True) == beliefs(quantum=False, others=False)
