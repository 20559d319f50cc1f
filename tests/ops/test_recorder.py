"""The recorder: messages in, ledger out, through crashes and whatever the database does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bus.config import Settings
from bus.errors import ConfigError, Fatal, Transient
from bus.message import Envelope, lookup
from bus.messages import ExecutionReport, OrderRejected, OrderStatus, ViolationStatus
from bus.plain import pack, unpack
from bus.stepper import Stepper
from ops.compare import differences
from ops.ledger import Ledger
from ops.recorder.agent import LedgerFlush, Recorder, build
from ops.recorder.rows import Rows
from ops.schema import bars, compliance_violations, orders, risk_events, system_events, verdicts
from tests.ops.conftest import MakeLedger
from tests.ops.story import Bus, bar, order, record, report, story, tell, violation
from tests.ops.story import verdicts as words

NS = 1_000_000_000


class Busy:
    """A sink whose database is always busy."""

    rows_written = rows_refused = 0
    last_refusal = ""
    waiting = 0

    def add(self, rows: Rows) -> None:
        self.waiting += sum(map(len, rows.values()))

    def flush(self) -> None:
        raise Transient("busy")

    def close(self) -> None:
        raise Fatal("busy")


def driven(ledger: Ledger) -> Stepper:
    return Stepper(Recorder(ledger, flush_s=0.5))


def bars_in(ledger: Ledger) -> int:
    """Count bars by another connection, so that nothing waiting is written by the question."""
    with ledger.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(bars)) or 0


def test_hears_every_fact_of_the_firm() -> None:
    heard = {kind.KIND.partition("/")[0] for kind in Recorder.handlers}
    assert heard == {
        *("MARKET_UPDATE", "DATA_REPORT", "DECISION_MADE", "PERFORMANCE_FEEDBACK", "ORDER_REJECTED"),
        *("EXECUTION_REPORT", "PORTFOLIO_UPDATE", "PHASE_TRANSITION", "RISK_ALERT", "GAP", "LEDGER_FLUSH"),
        *("EXECUTION_COST", "ORDER_RISK", "RISK_REPORT", "COMPLIANCE_VIOLATION", "POSITION_LEVELS", "HALT_STATUS"),
        *("COMMAND_RECORD", "SYSTEM_EVENT"),
    }


def test_sends_nothing(make_ledger: MakeLedger) -> None:
    stepper = driven(make_ledger())
    assert [output for told in story() for output in stepper.step(told, 0)] == []


def test_rows_are_written_after_a_while(make_ledger: MakeLedger) -> None:
    ledger, bus = make_ledger(), Bus()
    stepper = driven(ledger)
    stepper.start(0)
    assert stepper.next_timer() is None
    tell(stepper, [bus.stamp(bar("SPY", number), "market") for number in range(3)])
    assert bars_in(ledger) == 0
    timer = stepper.next_timer()
    assert timer is not None
    assert 0.5 * NS <= timer[0] < 0.6 * NS
    stepper.fire(timer[1], timer[0])
    assert bars_in(ledger) == 3
    assert stepper.next_timer() is None
    tell(stepper, [bus.stamp(bar("SPY", 3), "market")])
    assert stepper.next_timer() is not None


def test_timers_do_not_hang_on_the_database(make_ledger: MakeLedger) -> None:
    def timers(sink: Any) -> list[tuple[int, int]]:
        stepper, seen = Stepper(Recorder(sink, flush_s=0.000_01)), []
        for told in story(4):
            now_ns = told.header.sent_ns
            while (timer := stepper.next_timer()) is not None and timer[0] <= now_ns:
                seen.append(timer)
                stepper.fire(timer[1], now_ns)
            stepper.step(told, now_ns)
        return seen

    assert len(timers(Busy())) > 2
    assert timers(Busy()) == timers(make_ledger(flush_rows=2)) == timers(make_ledger("other"))


@pytest.mark.parametrize("flush_rows", [2_000, 7])
@pytest.mark.parametrize("cut", [0, 1, 30, 61])
def test_rows_lost_with_the_buffer_come_back(make_ledger: MakeLedger, cut: int, flush_rows: int) -> None:
    told = story()
    whole = record(make_ledger("whole"), told)
    stepper = driven(make_ledger("broken", flush_rows=flush_rows))
    tell(stepper, told[:cut])
    saved = pack(stepper.snapshot())
    tell(stepper, told[cut:70])

    ledger = make_ledger("broken", flush_rows=flush_rows)
    assert differences(whole, ledger) != []
    again = driven(ledger)
    again.restore(unpack(saved))
    tell(again, told[cut:70])
    tell(again, told[70:])
    again.agent.handlers[LedgerFlush](again.agent, LedgerFlush())
    assert differences(whole, ledger) == []


def test_a_restored_recorder_goes_on_as_the_one_that_was_saved(make_ledger: MakeLedger) -> None:
    told = story()
    first, second = driven(make_ledger("first")), driven(make_ledger("second"))
    tell(first, told[:20])
    second.restore(unpack(pack(first.snapshot())))
    tell(first, told[20:])
    tell(second, told[20:])
    assert first.snapshot() == second.snapshot()
    assert first.next_timer() == second.next_timer()


def test_a_snapshot_leaves_nothing_waiting(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    stepper = driven(ledger)
    tell(stepper, story(2))
    assert bars_in(ledger) == 0
    stepper.snapshot()
    assert bars_in(ledger) == 4
    assert ledger.waiting == 0


def test_no_snapshot_is_taken_over_rows_that_cannot_be_written() -> None:
    with pytest.raises(Fatal, match="busy"):
        Stepper(Recorder(Busy(), flush_s=1.0)).snapshot()


def test_a_snapshot_of_other_code_is_refused() -> None:
    with pytest.raises(Fatal, match="snapshot version 99, this code reads 1"):
        Recorder(Busy(), flush_s=1.0).restore({"version": 99})


def test_a_clean_stop_writes_what_waits(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    recorder = Recorder(ledger, flush_s=1.0)
    tell(Stepper(recorder), story(2))
    recorder.close()
    assert bars_in(make_ledger()) == 4


def test_reports_what_it_wrote_and_what_it_could_not(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    recorder = Recorder(ledger, flush_s=1.0)
    tell(Stepper(recorder), [Bus().stamp(bar("SPY", 1), "market")])
    assert recorder.report() == {"written": 0, "waiting": 1, "refused": 0}
    tell(Stepper(recorder), [Bus().stamp(bar("SPY", 2**63), "market")])
    ledger.flush()
    assert recorder.report()["refused"] == 1
    assert str(recorder.report()["last_refusal"]).startswith("bars SPY: ")


def rejected(by: str) -> Envelope:
    of = order("SPY", 5)
    return Bus().stamp(OrderRejected(order=of, rejected_by=by, reason="no", verdicts=words(passes=False)), by)


def test_a_refusal_keeps_every_word(make_ledger: MakeLedger) -> None:
    ledger = record(make_ledger(), [rejected("compliance")])
    assert ledger.read(select(orders.c.status, orders.c.rejected_by, orders.c.reason)) == [
        ("rejected", "compliance", "no")
    ]
    assert ledger.read(select(verdicts.c.rule, verdicts.c.passes).order_by(verdicts.c.ordinal)) == [
        ("price_collar", True),
        ("notional", False),
        ("shortfall", True),
    ]
    assert ledger.read(select(risk_events)) == []


def test_every_stage_of_a_violation_is_kept(make_ledger: MakeLedger) -> None:
    entries = [violation(1, ViolationStatus.OPEN), violation(2, ViolationStatus.REMEDIATED)]
    ledger = record(make_ledger(), [Bus().stamp(entry, "compliance") for entry in entries])
    columns = compliance_violations.c
    assert ledger.read(select(columns.entry, columns.status, columns.value, columns.bound)) == [
        (1, "open", 0.3, 0.25),
        (2, "remediated", 0.3, 0.25),
    ]


def test_a_refusal_by_risk_is_a_risk_event(make_ledger: MakeLedger) -> None:
    ledger = record(make_ledger(), [rejected("risk")])
    event = ledger.read(select(risk_events))[0]
    assert (event.event_id, event.kind, event.source) == ("refusal/SPY-5-1", "refusal", "risk")


def test_a_refusal_by_execution_is_a_risk_event_and_no_fill(make_ledger: MakeLedger) -> None:
    refused = report(order("SPY", 3), 1, OrderStatus.REFUSED).model_copy(update={"reason": "no fresh lease"})
    assert isinstance(refused, ExecutionReport)
    ledger = record(make_ledger(), [Bus().stamp(refused, "execution")])
    assert ledger.read(select(orders.c.status, orders.c.rejected_by)) == [("refused", "execution")]
    assert ledger.read(select(risk_events.c.source, risk_events.c.reason)) == [("execution", "no fresh lease")]


def test_what_happened_to_the_firm_is_kept(make_ledger: MakeLedger) -> None:
    ledger = record(make_ledger(), story())
    rows = ledger.read(select(system_events.c.event_id, system_events.c.detail).order_by(system_events.c.event_id))
    assert rows == [
        ("command/risk/1", "halt by ann, done: halted: drill (ann)"),
        ("data/market/1", "IBM.csv: 12 of 14 rows accepted"),
        ("data/market/2", "SPY.csv: 12 of 14 rows accepted"),
        ("gap/market/MARKET_UPDATE/1/3-4", "MARKET_UPDATE/1 3 to 4 of market are lost"),
        ("halt/execution/1", "flat: drill"),
        ("phase/SPY/6", "growth to release: volatility in its top decile"),
    ]


def settings_of(folder: Path, table: str = "") -> Settings:
    (folder / "firm.toml").write_text(f"[agents.recorder]\nmodule = 'ops.recorder'\n[recorder]\n{table}\n")
    (folder / "limits.toml").write_text("")
    return Settings.load(folder, folder)


def test_builds_its_ledger_in_the_run_directory(tmp_path: Path) -> None:
    recorder = build(settings_of(tmp_path))
    assert recorder.name == "recorder"
    assert (tmp_path / "ledger.sqlite").is_file()
    getattr(recorder, "close")()  # noqa: B009


def test_builds_its_ledger_where_the_url_says(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, f"url = 'sqlite:///{tmp_path / 'elsewhere.db'}'\nflush_rows = 5")
    recorder = build(settings)
    assert (tmp_path / "elsewhere.db").is_file()
    getattr(recorder, "close")()  # noqa: B009


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("flush_row = 5", "flush_row is not a known key"),
        ("flush_s = 0", "greater than 0"),
        ("flush_rows = 0", "equal to 1"),
    ],
)
def test_a_table_that_does_not_fit_is_named(tmp_path: Path, table: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build(settings_of(tmp_path, table))


def test_its_kind_is_declared_once_when_run_as_a_module() -> None:
    code = "import ops.recorder.__main__, ops.recorder.agent"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert lookup("LEDGER_FLUSH/1") is LedgerFlush
