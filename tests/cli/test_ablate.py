"""`boardroom ablate`: what it prints and writes, and one line for what does not fit."""

import json
import sys
from pathlib import Path

import pytest

from cli.main import run
from tests.research.planted import configuration

Output = pytest.CaptureFixture[str]


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """Run the verb and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["boardroom", "ablate", *arguments])
    with pytest.raises(SystemExit) as ended:
        run()
    return ended.value.code


def test_it_prints_tables_and_writes_figures_and_a_page(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    config = str(configuration(tmp_path / "configs"))
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text("# Page\n\n<!-- ablation: planted -->\nearlier\n<!-- end -->\n\nkept\n", encoding="utf-8")
    options = ["--config", config, "--jobs", "1", "--seed", "5", "--only", "oracle", "--only", "noise"]
    written = ["--json", str(figures), "--markdown", str(page), "--place", "planted"]
    assert call(monkeypatch, *options, *written) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    assert "oracle helps: between +" in shown
    assert "3 runs in" in shown
    study = json.loads(figures.read_text(encoding="utf-8"))
    assert [each["name"] for each in study["effects"]] == ["oracle", "noise"]
    assert study["seed"] == 5
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Page\n\n<!-- ablation: planted -->\n\nAAA, 2000-")
    assert text.endswith("<!-- end -->\n\nkept\n")
    assert "earlier" not in text


def test_the_market_can_be_named_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    config = str(configuration(tmp_path / "configs"))
    lines = ["time,open,high,low,close,volume"]
    lines += [f"2020-01-{day:02d},{10 + day % 3},{14},{9},{10 + day % 4},100" for day in range(1, 31)]
    (tmp_path / "X.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    whole = tmp_path / "whole.md"
    market = ["--csv", f"X={tmp_path / 'X.csv'}", "--first", "2020-01-03", "--bars", "26"]
    assert call(monkeypatch, "--config", config, "--jobs", "1", "--only", "noise", *market,
                "--markdown", str(whole)) == 0  # fmt: skip
    assert "X, 2020-01-03 to 2020-01-28: 26 rounds" in " ".join(capsys.readouterr().out.split())
    text = whole.read_text(encoding="utf-8")
    assert text.startswith("X, 2020-01-03 to 2020-01-28")
    assert "Data: csv ../X.csv sha256" in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "nobody"], "nothing to switch off is called 'nobody'; there are oracle, noise"),
        (["--jobs", "0"], "--jobs 0: give a number of runs at once"),
        (["--csv", "SPY"], "--csv SPY: give SYMBOL=FILE"),
        (["--csv", "SPY=/nowhere/SPY.csv"], "nowhere/SPY.csv: no such file"),
        (["--symbol", "ZZZ=?"], "market.symbols"),
        (["--bars", "-3"], "market.bars = -3"),
        (["--place", "demo"], "give the page with --markdown"),
        (["--place", "demo", "--markdown", "/nowhere/page.md"], "/nowhere/page.md: No such file"),
    ],
)
def test_what_does_not_fit_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    assert call(monkeypatch, "--config", str(configuration(tmp_path / "configs")), *arguments) == 1
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.out == ""
    assert [line for line in said.err.splitlines() if "boardroom:" in line] == said.err.splitlines()[-1:]


def test_a_cluster_needs_its_package(monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    config = str(configuration(tmp_path / "configs"))
    assert call(monkeypatch, "--config", config, "--dask", "tcp://127.0.0.1:1") == 1
    assert "pip install 'dask[distributed]'" in capsys.readouterr().err
