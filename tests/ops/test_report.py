"""What a report says: the score over time, each agent, and recommendations with a reason."""

import json
from pathlib import Path

import pytest

from ops.monitoring.advice import advise
from ops.monitoring.monitor import Health
from ops.monitoring.report import Report, as_text, keep_report, report_of, scores_of
from ops.monitoring.view import AgentView
from tests.ops.sights import AT_NS, agent_view, firm_view

S = 1_000_000_000
HOUR_NS = 3_600 * S


def test_the_mean_of_the_score_is_over_time() -> None:
    history = ((AT_NS - 40 * S, 1.0), (AT_NS - 10 * S, 0.5))
    scores = scores_of(firm_view(score=0.5, history=history))
    assert (scores.now, scores.least, scores.mean) == (0.5, 0.5, 0.875)
    assert scores.since_ns == AT_NS - 40 * S
    assert scores.worst == ((AT_NS, 0.5),)


def test_the_worst_times_are_the_lowest_scores_and_when_they_were_last() -> None:
    history = tuple((AT_NS - (10 - i) * S, score) for i, score in enumerate((1.0, 0.7, 0.5, 0.7, 0.9, 0.95, 1.0)))
    worst = scores_of(firm_view(history=history)).worst
    assert worst == ((AT_NS - 8 * S, 0.5), (AT_NS - 7 * S, 0.7), (AT_NS - 6 * S, 0.9))


def test_a_firm_without_a_history_has_the_score_of_now() -> None:
    scores = scores_of(firm_view(score=0.25))
    assert (scores.least, scores.mean, scores.worst) == (0.25, 0.25, ((AT_NS, 0.25),))


def test_a_firm_that_is_well_gets_no_advice() -> None:
    assert advise(firm_view(agent_view("risk"), agent_view("pads"))) == ()


LEAKING = agent_view("a", memory_mb=100.0, memory_limit_mb=200, memory_slope=10.0)


@pytest.mark.parametrize(
    ("agent", "reason", "remedy"),
    [
        (agent_view("a", Health.LOST, why="it was given up after 3 restarts"), "given up", "`boardroom start a`"),
        (agent_view("a", Health.STOPPED, why="an operator stopped it"), "operator", "`boardroom start a`"),
        (agent_view("a", Health.HUNG, why="it has not answered for 20.0 s"), "not answered", "logs/a.log"),
        (agent_view("a", restarts=1), "started again once", "logs/a.log"),
        (agent_view("a", restarts=2), "started again 2 times", "logs/a.log"),
        (agent_view("a", memory_mb=181.0, memory_limit_mb=200), "181 of the 200 MB", "raise agents.a.memory_mb"),
        (LEAKING, "10.0 MB an hour and reaches its 200 MB in 10 h", "raise agents.a.memory_mb"),
        (agent_view("a", memory_mb=100.0, memory_slope=25.0), "25.0 MB an hour, and has no limit", "memory_mb"),
        (agent_view("a", inbox=500, inbox_slope=40.0), "500 messages wait, and 40 more", "market.speed"),
        (agent_view("a", clock_ahead_s=-2.5), "2.5 s behind", "NTP"),
        (
            agent_view("a", trouble={"unlawful": 2}, report={"last_unlawful": "ORDER_APPROVED/1 x:1 by x"}),
            "2 frames by somebody who may not send them; the last: ORDER_APPROVED/1 x:1 by x",
            "find who sent them",
        ),
        (agent_view("a", trouble={"redis_lost": 3}), "3 times the connection to Redis broke", "look at Redis"),
        (agent_view("a", trouble={"dropped": 1}), "1 messages dropped", "bus.inbox_messages"),
    ],
)
def test_each_trouble_has_advice_with_its_reason(agent: AgentView, reason: str, remedy: str) -> None:
    found = advise(firm_view(agent))
    assert len(found) == 1
    assert found[0].subject == "a"
    assert reason in found[0].reason
    assert remedy in found[0].remedy


@pytest.mark.parametrize(
    "agent",
    [
        agent_view("a", memory_mb=179.0, memory_limit_mb=200),
        agent_view("a", memory_mb=100.0, memory_limit_mb=200, memory_slope=4.0),
        agent_view("a", memory_mb=100.0, memory_slope=20.0),
        agent_view("a", inbox=99, inbox_slope=40.0),
        agent_view("a", inbox=500, inbox_slope=0.5),
        agent_view("a", clock_ahead_s=1.0),
        agent_view("a", trouble={"redis_lost": 2, "gaps": 9}),
    ],
)
def test_what_is_below_its_bound_gets_none(agent: AgentView) -> None:
    assert advise(firm_view(agent)) == ()


def test_the_firm_itself_is_advised_on_disk_watcher_and_emergency() -> None:
    view = firm_view(
        watcher="nobody", watcher_pid=None, disk_free_mb=1_023.0, is_emergency=True, failed=("a",), failed_share=0.5
    )
    reasons = [each.reason for each in advise(view)]
    assert [each.subject for each in advise(view)] == ["firm"] * 3
    assert "neither a supervisor nor an observer" in reasons[0]
    assert "50% of its weight has failed (a)" in reasons[1]
    assert "1023 MB are left" in reasons[2]
    assert advise(firm_view(disk_free_mb=1_024.0)) == ()


def test_a_report_as_text_names_everything() -> None:
    agents = (
        agent_view("risk", Health.HUNG, why="it has not answered for 20.0 s", restarts=2, trouble={"gaps": 4}),
        agent_view("pads", age_s=7_400.0, inputs=1_234, inputs_per_s=10.25, inbox=3, memory_mb=80.0, memory_slope=1.5),
    )
    text = as_text(report_of(firm_view(*agents, score=0.4, failed=("risk",), failed_share=0.6)))
    assert "watched by its supervisor (pid 7)" in text
    assert "bus live over ipc, redis embedded, data demo, broker paper" in text
    assert "score 40.0% now" in text
    assert "failed: risk, 60% of the weight" in text
    row = next(line for line in text.splitlines() if line.startswith("pads"))
    assert row.split() == ["pads", "healthy", "2h03m", "-", "0", "1,234", "10.2", "3", "0", "0", "80", "+1.5", "-", "-"]
    assert "risk: it has not answered for 20.0 s; 4 holes in streams of broadcasts" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_report_goes_through_json_whole() -> None:
    report = report_of(firm_view(agent_view("a", trouble={"gaps": 1}, report={"x": 1.5}), history=((AT_NS - S, 1.0),)))
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_reports_are_kept_up_to_a_number(tmp_path: Path) -> None:
    for hour in range(4):
        path = keep_report(report_of(firm_view(at_ns=AT_NS + hour * HOUR_NS)), tmp_path, 2)
    names = sorted(each.name for each in (tmp_path / "reports").iterdir())
    assert names == [
        "20231115T001320Z.json", "20231115T001320Z.txt", "20231115T011320Z.json", "20231115T011320Z.txt",
    ]  # fmt: skip
    assert path.read_text().startswith("Report of the firm in /firm, 2023-11-15 01:13:20 UTC")
    assert json.loads(path.with_suffix(".json").read_text())["firm"]["score"] == 1.0
    assert path.stat().st_mode & 0o777 == 0o600
