from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bus.config import Settings
from bus.errors import ConfigError
from market.config import MarketConfig

FIRM = '[agents.market]\nrole = "service"\n\n'


def config_of(tmp_path: Path, table: str) -> MarketConfig:
    (tmp_path / "firm.toml").write_text(FIRM + table)
    (tmp_path / "limits.toml").write_text("")
    return Settings.load(tmp_path, tmp_path / "run").table("market", MarketConfig)


def test_the_table_is_read_from_toml(tmp_path: Path) -> None:
    config = config_of(
        tmp_path,
        '[market]\nsource = "csv"\nfirst = "2007-06-01"\nlast = 2009-05-26\nbars = 500\nhistory_bars = 250\nspeed = 5\n'
        '[market.paths]\nSPY = "data/spy.csv.gz"\n[market.synthetic]\nseed = 3\n',
    )
    assert (config.first, config.last) == (date(2007, 6, 1), date(2009, 5, 26))
    assert (config.bars, config.history_bars, config.speed) == (500, 250, 5.0)
    assert config.chosen == ("SPY",)
    assert config.synthetic.seed == 3


def test_only_the_source_must_be_stated() -> None:
    config = MarketConfig(source="demo")
    assert (config.speed, config.stall_s, config.bars, config.history_bars) == ("lockstep", 60.0, None, 0)
    assert config.chosen == ("NDQ", "SPX")


def test_symbols_pick_from_what_the_source_has() -> None:
    assert MarketConfig(source="demo", symbols=("SPX",)).chosen == ("SPX",)
    assert MarketConfig(source="csv", paths={"B": "b", "A": "a"}).chosen == ("A", "B")
    assert MarketConfig(source="synthetic", symbols=("Z", "Y"), bars=10).chosen == ("Y", "Z")


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("", "market.source is missing; state it, there is no default"),
        ('source = "web"', "market.source = 'web'"),
        ('source = "demo"\nfrist = 2007-01-01', "market.frist is not a known key"),
        ('source = "demo"\nspeed = "fast"', "market.speed"),
        ('source = "demo"\nspeed = 0', "market.speed"),
        ('source = "demo"\nspeed = -1.0', "market.speed"),
        ('source = "demo"\nspeed = inf', "market.speed"),
        ('source = "demo"\nbars = 0', "market.bars = 0"),
        ('source = "demo"\nhistory_bars = -1', "market.history_bars = -1"),
        ('source = "demo"\nstall_s = 0', "market.stall_s = 0"),
        ('source = "demo"\nfirst = "June"', "market.first = 'June'"),
        ('source = "demo"\nmax_rejected_fraction = 1.5', "market.max_rejected_fraction = 1.5"),
        ('source = "demo"\nsynthetic = {seed = -1}', "market.synthetic.seed = -1"),
        ('source = "demo"\nsynthetic = {regimes = []}', "market.synthetic.regimes"),
        ('source = "csv"\npaths = {"*" = "a.csv"}', "market.paths"),
        ('source = "csv"\npaths = {"A B" = "a.csv"}', "market.paths"),
        ('source = "csv"\npaths = {A = ""}', "market.paths.A = ''"),
    ],
)
def test_what_is_wrong_with_the_table_is_one_line(tmp_path: Path, table: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, f"[market]\n{table}\n")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"source": "csv"}, "source csv needs paths, a file per symbol"),
        ({"source": "parquet"}, "source parquet needs paths"),
        ({"source": "demo", "paths": {"A": "a"}}, "source demo takes no paths"),
        ({"source": "demo", "symbols": ["SPX", "SPX"]}, "symbols names one twice"),
        ({"source": "demo", "symbols": ["DAX"]}, "source demo has no symbol DAX; it has NDQ, SPX"),
        ({"source": "csv", "paths": {"A": "a"}, "symbols": ["B"]}, "source csv has no symbol B; it has A"),
        ({"source": "demo", "first": "2008-01-02", "last": "2008-01-01"}, "last 2008-01-01 lies before first"),
        ({"source": "synthetic", "bars": 5}, "source synthetic needs symbols and bars"),
        ({"source": "synthetic", "symbols": ["A"]}, "source synthetic needs symbols and bars"),
        ({"source": "synthetic", "symbols": ["A"], "bars": 5, "first": "2008-01-01"}, "it takes no first or last"),
        ({"source": "synthetic", "symbols": ["A"], "bars": 60_000}, "would run beyond the year 2200"),
        ({"source": "synthetic", "symbols": ["A"], "bars": 9, "synthetic": {"bar_s": 10**9}}, "beyond the year 2200"),
    ],
)
def test_contradictions_are_refused(table: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MarketConfig.model_validate(table)


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_MARKET__SPEED", "2.5")
    monkeypatch.setenv("BOARDROOM_MARKET__BARS", "7")
    config = config_of(tmp_path, '[market]\nsource = "demo"\nbars = 500\n')
    assert (config.speed, config.bars) == (2.5, 7)
