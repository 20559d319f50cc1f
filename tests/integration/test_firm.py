"""A firm of real processes over ZeroMQ and an embedded Redis, from the first bar to the ledger."""

import math
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bus.client import Client
from bus.config import Settings
from bus.errors import Transient
from bus.journal import RecordType, verify
from bus.journal import read as read_journal
from bus.messages import Action, Command, CommandResult, SystemCommand
from bus.rundir import RunDir
from cli.command import signed
from ops.compare import differences
from ops.explain import explain
from ops.harness import Firm
from ops.ledger import Ledger
from ops.schema import bars, decisions, execution_costs, fills, order_risks, settlements, trades
from research.backtest import backtest
from research.replay import rebuild_ledger, replay_firm
from tests.integration.conftest import CONFIGS, PATIENT, Finished

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
BARS = 2 * (60 + 130)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_bar_is_decided_and_every_process_ends_cleanly(finished: Finished) -> None:
    assert set(finished.codes.values()) == {0}
    assert len(finished.codes) == 9
    assert not any(is_alive(pid) for pid in finished.pids.values())
    with closing(finished.ledger()) as ledger:
        [(counted_bars, counted_decisions)] = ledger.read(
            select(
                select(func.count()).select_from(bars).scalar_subquery(),
                select(func.count()).select_from(decisions).scalar_subquery(),
            )
        )
        filled = ledger.read(select(func.count()).select_from(fills))[0][0]
    assert counted_bars == BARS
    assert counted_decisions == BARS
    assert filled > 0


def test_the_board_identity_holds_in_every_settled_round(finished: Finished) -> None:
    with closing(finished.ledger()) as ledger:
        errors = [row[0] for row in ledger.read(select(settlements.c.identity_error))]
    assert len(errors) > 200
    assert max(errors) <= 1e-9


def test_what_every_order_cost_sums_exactly_and_its_tail_is_on_record(finished: Finished) -> None:
    with closing(finished.ledger()) as ledger:
        costs = ledger.read(select(execution_costs))
        filled = {row.order_id for row in ledger.read(select(trades.c.order_id))}
        judged = {
            row.order_id for row in ledger.read(select(order_risks).where(order_risks.c.filtered_after.is_not(None)))
        }
    assert filled
    assert filled <= {cost.order_id for cost in costs}
    assert filled <= judged
    for cost in costs:
        assert cost.delay + cost.trading + cost.opportunity + cost.fees == cost.total


def test_replay_gives_every_output_again_byte_for_byte(finished: Finished) -> None:
    replays = replay_firm(finished.settings)
    assert [str(difference) for each in replays for difference in each.differences] == []
    assert sum(each.decisions for each in replays) == BARS
    assert {each.agent: each.unrecorded for each in replays if each.unrecorded} == {}
    assert all(each.inputs > 0 for each in replays)


def test_replay_of_one_decision_stops_where_it_ends(finished: Finished) -> None:
    replays = {each.agent: each for each in replay_firm(finished.settings, decision="SPX-20")}
    assert not any(each.differences for each in replays.values())
    assert replays["pads"].decisions == pytest.approx(42, abs=3)


def test_the_simulated_bus_decides_as_the_processes_did(finished: Finished, tmp_path: Path) -> None:
    simulated = Settings.load(CONFIGS, tmp_path, PATIENT)
    backtest(simulated)
    with closing(Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")) as ours, closing(finished.ledger()) as theirs:
        assert differences(theirs, ours) == []


def test_the_ledger_can_be_rebuilt_from_the_recorders_journal(finished: Finished, tmp_path: Path) -> None:
    path = rebuild_ledger(finished.settings, tmp_path)
    with closing(Ledger.open(f"sqlite:///{path}")) as rebuilt, closing(finished.ledger()) as written:
        assert differences(written, rebuilt) == []


def test_a_filled_trade_is_explained_back_to_the_bar(finished: Finished) -> None:
    with closing(finished.ledger()) as ledger:
        order_id = ledger.read(select(trades.c.order_id).order_by(trades.c.order_id).limit(1))[0][0]
        chain = explain(ledger, order_id)
    [story] = chain.orders
    assert story.fills
    assert {verdict.gate for verdict in story.verdicts} == {"compliance", "risk"}
    assert all(verdict.passes for verdict in story.verdicts)
    assert chain.decision is not None
    assert chain.decision.order_id == order_id
    assert {"qar", "qstar", "antifragility", "consensus", "adaptability"} <= {m.member for m in chain.decision.members}
    assert math.isclose(sum(chain.decision.price), 1.0, abs_tol=1e-12)
    assert chain.bar is not None
    assert (chain.bar.symbol, chain.bar.bar) == (chain.decision.symbol, chain.decision.bar)


def test_one_flipped_byte_is_found_and_its_record_named(finished: Finished, tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    shutil.copytree(RunDir(finished.run_dir).journal("pads"), folder)
    assert verify(folder).is_whole
    victim = next(record for record in read_journal(folder, 1000) if record.type is RecordType.OUTPUT)
    segment = folder / "00000001.log"
    content = bytearray(segment.read_bytes())
    place = content.index(victim.payload) + len(victim.payload) // 2
    content[place] ^= 0x10
    segment.write_bytes(content)
    broken = verify(folder).broken
    assert broken is not None
    assert broken.number == victim.number


@pytest.fixture(scope="module")
def paced() -> Firm:
    """Return a firm that shows 20 bars a second and so stays up while it is asked."""
    overrides = {**PATIENT, "market": {"bars": 5000, "history_bars": 0, "first": "1999-01-04", "speed": 20.0}}
    return Firm(CONFIGS, overrides)


def test_the_running_board_can_be_asked(paced: Firm) -> None:
    with paced as firm, Client(firm.settings) as client:
        firm.wait(lambda: int(firm.report("market").get("published", 0)) > 60)
        asked = [SystemCommand(command=Command.ASK, symbol=symbol) for symbol in ("SPX", "XYZ")]
        known, unknown = (
            client.request("pads", signed(firm.settings, "pads", ask), CommandResult, 10.0) for ask in asked
        )
        with pytest.raises(Transient, match="gave no answer"):
            client.request("nobody", SystemCommand(command=Command.ASK, symbol="SPX"), CommandResult, 0.2)
    assert known.is_done
    assert known.decision is not None
    assert known.decision.symbol == "SPX"
    assert known.decision.order_id is None
    assert known.decision.action in set(Action)
    assert not unknown.is_done
    assert "XYZ" in unknown.detail
    assert "SPX" in unknown.detail
