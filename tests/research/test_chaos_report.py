"""The table of a chaos run, its complaints and its page."""

from pathlib import Path

import pytest

from bus.errors import Fatal
from research.chaos.kind import Injection, Kind, Site, Step
from research.chaos.loss import Difference, Losses
from research.chaos.page import page, write
from research.chaos.report import alert_line, as_data, complaints, lines, markdown, summary
from research.chaos.run import Played, Run


def step(*injections: Injection) -> Step:
    return Step(injections, 3, Site.EMBEDDED)


KILL, PAUSE, CUT = Injection(Kind.KILL, "pads"), Injection(Kind.PAUSE, "risk", 0.5), Injection(Kind.REDIS_CUT, size=1.0)
LOST = Losses(lost=(Difference("decisions SPX-1"),), changed=(Difference("orders SPX-2"), Difference("orders SPX-3")))
PLAYED = (
    Played(step(KILL), 1, 5, 1.0),
    Played(step(KILL), 1, 9, 3.0),
    Played(step(KILL, PAUSE), 1, 12, 9.0),
    Played(step(PAUSE), 1, 20, 0.25, losses=LOST),
    Played(step(CUT), 1, 31, None, "redis-cut 1 at round 31: it did not come true"),
)
UNDISTURBED = Run(0, Site.EMBEDDED, 10.0, 380, 5_000, (), Losses(), (), ())
GOOD = Run(1, Site.EMBEDDED, 60.0, 380, 6_000, PLAYED[:3], Losses(), (), (4.0, 8.0, 6.0))
BAD = Run(2, Site.REMOTE, 60.0, 380, 6_000, PLAYED[3:], LOST, ("risk ended with status 70",), ())


def test_the_table_counts_each_kind_times_single_faults_and_has_a_row_for_pairs_and_for_all() -> None:
    found = {line.name: line for line in lines([UNDISTURBED, GOOD, BAD])}
    assert list(found) == ["kill", "pause", "redis-cut", "pair", "all"]
    kill, pause, cut, pair, total = found.values()
    assert (kill.times, kill.lost, kill.p50_s, kill.max_s) == (3, 0, 2.0, 3.0)
    assert (pause.times, pause.lost, pause.duplicated, pause.changed, pause.max_s) == (2, 1, 0, 2, 0.25)
    assert (cut.times, cut.unrecovered, cut.p50_s, cut.max_s) == (1, 1, None, None)
    assert (pair.times, pair.max_s) == (1, 9.0)
    assert (total.times, total.lost, total.changed, total.unrecovered) == (6, 1, 2, 1)


def test_what_an_undisturbed_run_lost_is_in_the_total_too() -> None:
    wrong = UNDISTURBED._replace(losses=LOST)
    assert (lines([wrong, GOOD])[-1].lost, lines([wrong, GOOD])[-1].changed) == (1, 2)


def test_every_complaint_is_a_line() -> None:
    assert complaints([UNDISTURBED, GOOD]) == []
    assert complaints([BAD]) == [
        "run 2: risk ended with status 70",
        "run 2: redis-cut 1 at round 31: it did not come true",
        "run 2: lost: decisions SPX-1",
        "run 2: changed: orders SPX-2",
        "run 2: changed: orders SPX-3",
    ]
    many = BAD._replace(losses=Losses(lost=LOST.lost * 12), complaints=(), played=())
    assert len(complaints([many])) == 11
    assert complaints([many])[-1] == "run 2: lost: and 2 more"


def test_the_summary_counts_kinds_runs_and_what_was_not_reached() -> None:
    assert summary([UNDISTURBED, GOOD], 0) == (
        "4 faults of 2 kinds in 1 runs of 380 rounds: 0 lost, 0 duplicated, 0 changed, 0 without recovery"
    )
    assert summary([UNDISTURBED, GOOD], 7).endswith("; 7 faults were not reached in the time given")


def test_the_alert_of_a_flood_is_told_where_there_was_one() -> None:
    assert "3 agents heard" in alert_line([GOOD])
    assert "6.0 ms (median), 8.0 ms at most" in alert_line([GOOD])
    assert alert_line([BAD]) == ""


def test_data_says_whether_it_passed() -> None:
    good, bad = as_data([UNDISTURBED, GOOD], 5, 0), as_data([UNDISTURBED, BAD], 5, 3)
    assert (good["passed"], good["seed"], good["unplayed"]) == (True, 5, 0)
    assert bad["passed"] is False
    assert good["runs"][1]["steps"][2] == {
        "faults": "kill pads + pause risk 0.5", "round": 12, "recovery_s": 9.0, "complaint": ""
    }  # fmt: skip


def test_the_page_holds_seed_command_and_the_table_of_that_run(tmp_path: Path) -> None:
    text = page([UNDISTURBED, GOOD], seed=5, faults=4, bars=60)
    assert "\n".join(markdown([UNDISTURBED, GOOD])) in text
    assert "--seed 5 --faults 4 --bars 60" in text
    assert "Seed 5: 4 faults of 2 kinds" in text
    assert "11,000 records of 2 runs were verified and replayed" in text
    assert "| kill | an agent killed (SIGKILL), started again | 3 | 0 | 0 | 0 | 2.00 s | 3.00 s |" in text
    write(tmp_path / "faults.md", [UNDISTURBED, GOOD], seed=5, faults=4, bars=60)
    assert (tmp_path / "faults.md").read_text() == text
    with pytest.raises(Fatal, match=r"Is a directory; give another file"):
        write(tmp_path, [GOOD], seed=5, faults=4, bars=60)
