"""`boardroom violations`, `review` and `compliance`: what they show of a ledger, and that a forged one is named."""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bus.config import Settings
from bus.gate import judge, refusals
from bus.messages import OrderRejected, Severity, ViolationStatus
from cli.compliance import report
from cli.main import run
from cli.violations import read_entries
from compliance.log import Finding, Log
from compliance.refusal import record_refusal
from compliance.rules import REGISTER, RULES
from ops.ledger import Ledger
from ops.recorder.config import ledger_url
from ops.recorder.rows import Stamp, rejection_rows, violation_rows
from ops.schema import compliance_violations
from tests.compliance.counter import asked, desk_of, limits_of
from tests.conftest import ROOT

Output = pytest.CaptureFixture[str]
Call = Callable[..., tuple[Any, str, str]]
BREACH = Finding(
    rule_id="POS_001", rule="position_weight", severity=Severity.SERIOUS, symbol="AAA", bar=7, order_id=None,
    value=0.101, limit=0.1, unit="of equity", detail="worth 10100 [red]", remedy="shrink the position",
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A run with a refused order, a breach under investigation, and one that was closed."""
    made = Settings.load(ROOT / "configs", tmp_path)
    made.save()
    log = Log(10)
    big = asked(quantity=2_600)
    verdicts = judge("compliance", RULES, big, desk_of(big), limits_of())
    rejected = OrderRejected(order=big, rejected_by="compliance", reason=refusals(verdicts), verdicts=verdicts)
    entries = record_refusal(log, big, verdicts)
    entries += [log.open(BREACH), log.open(BREACH._replace(symbol="BBB"))]
    first, second = entries[-2].violation_id, entries[-1].violation_id
    entries += log.move(first, ViolationStatus.INVESTIGATING, "Ada", "asked the broker")
    for status in (ViolationStatus.REMEDIATED, ViolationStatus.CLOSED):
        entries += log.move(second, status, "Ada", "done")
    with closing(Ledger.create(ledger_url(made))) as ledger:
        ledger.add(rejection_rows(rejected, Stamp("compliance:1", 1, 1)))
        for entry in entries:
            ledger.add(violation_rows(entry, Stamp(f"compliance:{entry.entry + 1}", 1, 1)))
    return made


@pytest.fixture
def call(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> Call:
    """Run the command on that run; return its exit status and what it wrote."""

    def called(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["boardroom", *arguments, "--run-dir", str(settings.run_dir)])
        with pytest.raises(SystemExit) as ended:
            run()
        written = capsys.readouterr()
        return ended.value.code, written.out, written.err

    return called


def listed(call: Call, *arguments: str) -> list[tuple[str, str]]:
    code, out, _ = call("violations", "--json", *arguments)
    assert code == 0
    found = json.loads(out)
    assert found["chain"] == {"entries": 13, "whole": True, "broken": None}
    return [(each["violation_id"], each["status"]) for each in found["violations"]]


def test_violations_are_listed_where_they_stand_now(call: Call) -> None:
    refused = [(f"V{number}", "remediated") for number in range(1, 5)]
    assert listed(call) == [*refused, ("V5", "investigating"), ("V6", "closed")]
    assert listed(call, "--status", "closed") == [("V6", "closed")]
    assert listed(call, "--status", "open") == []
    assert listed(call, "--symbol", "BBB") == [("V6", "closed")]
    assert listed(call, "--rule", "POS_001") == [refused[1], ("V5", "investigating"), ("V6", "closed")]
    assert listed(call, "--rule", "order_notional") == [refused[0]]
    assert listed(call, "--last", "1") == [("V6", "closed")]


def test_a_person_reads_what_happened_and_whether_the_chain_is_whole(call: Call) -> None:
    code, out, _ = call("violations", "--status", "investigating")
    words = " ".join(out.replace("│", " ").split())
    assert code == 0
    assert "1 of 1 violations shown chain: whole, 13 entries" in words
    for word in ("V5", "POS_001", "AAA 7", "investigating", "0.101", "[red]", "(Ada)"):
        assert word in words


@pytest.mark.parametrize(("column", "value", "where"), [
    ("detail", "harmless", "entry 3 (V2) was changed after it was written"),
    ("bound", 0.2, "entry 3 (V2) was changed after it was written"),
    ("previous", "0" * 64, "entry 3 (V2) is not chained to the one before it"),
    ("entry", 99, "entry 3 is missing: 4 comes in its place"),
])  # fmt: skip
def test_a_forged_ledger_is_named(call: Call, settings: Settings, column: str, value: Any, where: str) -> None:
    with closing(Ledger.create(ledger_url(settings))) as ledger, ledger.engine.begin() as connection:
        connection.execute(
            update(compliance_violations).where(compliance_violations.c.entry == 3).values({column: value})
        )
    code, out, _ = call("violations")
    assert code == 1
    assert f"chain: broken: {where}" in out
    code, out, _ = call("violations", "--json")
    assert (code, json.loads(out)["chain"]["broken"]) == (1, where)


def test_the_report_has_every_rule_its_worst_value_and_what_is_open(call: Call, settings: Settings) -> None:
    with closing(Ledger.open(ledger_url(settings))) as ledger:
        found = {each.id: each for each in report(ledger).rules}
        entries = read_entries(ledger)
    assert set(REGISTER) <= set(found)
    assert [each.entry for each in entries] == list(range(1, 14))
    weight, notional, bars = found["POS_001"], found["ORD_003"], found["DAT_003"]
    assert (weight.judged, weight.failed, weight.worst, weight.limit) == (1, 1, 2.6, 0.1)
    assert (weight.violations, weight.pending) == (3, 1)
    assert (notional.judged, notional.failed, notional.worst, notional.limit) == (1, 1, 260_000.0, 250_000.0)
    assert (bars.judged, bars.failed, bars.worst, bars.limit, bars.unit) == (1, 0, 20.0, 20.0, "bars, at least")
    assert (found["OPS_001"].judged, found["OPS_001"].worst) == (0, None)
    code, out, _ = call("compliance", "--json")
    assert code == 0
    assert {each["id"]: each["pending"] for each in json.loads(out)["rules"]}["POS_001"] == 1
    code, out, _ = call("compliance")
    assert code == 0
    assert "log of violations: 13 entries, chain whole" in out


def test_a_review_needs_a_running_firm(call: Call) -> None:
    code, _, err = call("review", "V5", "--status", "remediated", "--operator", "Ada", "--reason", "sold")
    assert code == 1
    assert "no compliance runs in" in err


def test_a_review_needs_a_name_and_a_reason(call: Call) -> None:
    code, _, err = call("review", "V5", "--status", "remediated", "--operator", "Ada")
    assert code == 2
    assert "--reason" in err
    code, _, err = call("review", "V5", "--status", "forgotten", "--operator", "Ada", "--reason", "x")
    assert code == 2
    assert "forgotten" in err
