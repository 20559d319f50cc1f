"""`boardroom halt` and `boardroom resume`: what they refuse, what they say, and what they end with."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bus.agent import Report
from bus.config import Settings
from cli.halt import Stage, Watch, explain, follow
from cli.main import run
from tests.conftest import ROOT

Output = pytest.CaptureFixture[str]


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """Run the command and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["boardroom", *arguments])
    with pytest.raises(SystemExit) as ended:
        run()
    return ended.value.code


@pytest.fixture
def stopped(tmp_path: Path) -> str:
    """The run directory of a firm that does not run."""
    Settings.load(ROOT / "configs", tmp_path).save()
    return str(tmp_path)


def test_a_halt_without_risk_says_what_that_means(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, stopped: str
) -> None:
    assert call(monkeypatch, "halt", "--reason", "test", "--run-dir", stopped) == 1
    said = capsys.readouterr().err
    assert "risk does not run" in said
    assert "nothing is cancelled" in said


def test_a_resume_without_risk_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: Output, stopped: str) -> None:
    assert call(monkeypatch, "resume", "--reason", "test", "--operator", "Ann", "--run-dir", stopped) == 1
    assert "risk does not run" in capsys.readouterr().err


def test_a_halt_wants_a_reason(monkeypatch: pytest.MonkeyPatch, capsys: Output, stopped: str) -> None:
    assert call(monkeypatch, "halt", "--run-dir", stopped) == 2
    assert "--reason" in capsys.readouterr().err
    assert call(monkeypatch, "halt", "--reason", " ", "--run-dir", stopped) == 1
    assert "--reason is empty" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["--reason", "--operator"])
def test_a_resume_wants_a_reason_and_a_name(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, stopped: str, missing: str
) -> None:
    options = {"--reason": "fixed", "--operator": "Ann"}
    del options[missing]
    given = [word for pair in options.items() for word in pair]
    assert call(monkeypatch, "resume", *given, "--run-dir", stopped) == 2
    assert missing in capsys.readouterr().err


def test_no_firm_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path) -> None:
    assert call(monkeypatch, "halt", "--reason", "test", "--run-dir", str(tmp_path)) == 1
    assert "no firm has run here" in capsys.readouterr().err


def looks(*reports: Mapping[str, Report]) -> Callable[[], Mapping[str, Report]]:
    """Answer one look after another; the last one for good."""
    left = list(reports)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def seen(halt: str, detail: str, published: int) -> dict[str, Report]:
    """What execution and market report."""
    return {"execution": {"halt": halt, "halt_detail": detail}, "market": {"published": published, "done": 0}}


def test_a_halt_is_followed_to_the_end_and_every_change_is_shown() -> None:
    shown: list[Stage] = []
    look = looks(
        seen("none", "", 4), seen("flattening", "held: 5 SPX", 5), seen("flattening", "held: 5 SPX", 6),
        seen("flat", "no order rests and nothing is held", 8),
    )  # fmt: skip
    watch = follow(look, 5.0, shown.append)
    assert watch.is_flat
    assert watch.bars == 4
    assert [stage.stage for stage in shown] == ["none", "flattening", "flat"]
    assert shown == watch.stages


def test_a_halt_that_is_not_flat_in_time_says_why() -> None:
    watch = follow(looks(seen("cancelling", "bd-SPX-7-1-1 at the broker, asked to be cancelled", 9)), 0.0, print)
    assert not watch.is_flat
    assert explain(watch, 30) == (
        "not flat after 30 s; cancelling: bd-SPX-7-1-1 at the broker, asked to be cancelled; no bar came meanwhile, "
        "and without bars nothing can fill; the firm stays halted: see `boardroom status`, or close by hand at the "
        "broker"
    )


@pytest.mark.parametrize(
    ("market", "bars", "words"),
    [
        ({"published": 10, "done": 1}, 3, "the market has shown its last bar"),
        ({}, 0, "market gives no answer"),
        ({"published": 10, "done": 0}, 0, "no bar came meanwhile"),
    ],
)
def test_the_reason_names_a_market_that_stands_still(market: Report, bars: int, words: str) -> None:
    assert words in explain(Watch([Stage("flattening", "held: 1 SPX", 0.0)], market, bars), 5)


def test_a_market_that_goes_on_is_not_to_blame() -> None:
    said = explain(Watch([Stage("flattening", "held: 1 SPX", 0.0)], {"published": 10, "done": 0}, 7), 5)
    assert "bar" not in said.replace("bars", "bar").replace("boardroom", "")


def test_an_execution_that_gives_no_answer_is_not_flat() -> None:
    watch = follow(looks({"market": {"published": 1}}), 0.0, lambda _: None)
    assert [stage[:2] for stage in watch.stages] == [("unknown", "execution gives no answer")]
    assert not watch.is_flat
