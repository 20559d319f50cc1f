"""Limits of the book: each is stated once, a ladder tightens on the way down, and a fast variance is the faster one."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ConfigError
from portfolio.limits import UNCLASSIFIED, BookLimits, book_limits
from tests.gates.driver import LIMITS, settings

TEXT = LIMITS.read_text(encoding="utf-8")
TABLE = tomllib.loads(TEXT)["book"]


def tier(enter: float, leave: float, cut: float) -> dict[str, float]:
    return {"enter": enter, "leave": leave, "cut": cut}


def stated(**changes: Any) -> BookLimits:
    return BookLimits.model_validate(TABLE | changes)


def test_the_limits_of_the_firm_are_those_of_the_mandate(tmp_path: Path) -> None:
    limits = book_limits(settings(tmp_path))
    assert limits.model_dump_json(exclude={"sectors"}) == (
        '{"position_weight":"0.1","sector_weight":"0.25","gross":"1.5","drawdown":"0.15","drawdown_tiers":['
        '{"enter":"0.08","leave":"0.06","cut":"0.1"},{"enter":"0.12","leave":"0.1","cut":"0.25"},'
        '{"enter":"0.15","leave":"0.12","cut":"0.5"}],"regime":{"fast":0.94,"slow":0.99,"calm":1.5,"floor":0.5},"lot":"0.0001","lots":{}}'
    )


@pytest.mark.parametrize("key", sorted(BookLimits.model_fields))
def test_a_missing_limit_is_named(tmp_path: Path, key: str) -> None:
    pattern = rf"^{key} = (\[\n.*?^\]|.*?)$"
    text, count = re.subn(pattern, "", TEXT, count=1, flags=re.MULTILINE | re.DOTALL)
    assert count == 1
    with pytest.raises(ConfigError, match=rf"limits\.toml: book\.{key} is missing; state it, there is no default"):
        book_limits(settings(tmp_path, text))


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"drawdown_tiers": []}, "at least 1 item"),
    ({"drawdown_tiers": [tier(0.1, 0.1, 0.2)]}, "must be left below"),
    ({"drawdown_tiers": [tier(0.12, 0.08, 0.2), tier(0.1, 0.09, 0.5)]}, "must be deeper"),
    ({"drawdown_tiers": [tier(0.1, 0.09, 0.2), tier(0.12, 0.08, 0.5)]}, "must be deeper"),
    ({"drawdown_tiers": [tier(0.1, 0.09, 0.2), tier(0.12, 0.1, 0.2)]}, "cut more"),
    ({"drawdown_tiers": [tier(0.1, 0.09, 1.0)]}, "less than 1"),
    ({"drawdown": 0.14}, "lies below the drawdown of 0.14 at which the firm halts"),
    ({"regime": {"fast": 0.99, "slow": 0.99, "calm": 1.5, "floor": 0.5}}, "must decay faster"),
    ({"position_weight": 0}, "greater than 0"), ({"sector_weight": -0.1}, "greater than 0"), ({"gross": "x"}, "gross"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        stated(**changes)


def test_the_last_tier_may_be_where_the_firm_halts_and_no_deeper() -> None:
    assert stated(drawdown=0.15).drawdown_tiers[-1].enter == stated(drawdown=0.15).drawdown
    assert stated(drawdown=0.2).drawdown > stated().drawdown


def test_symbols_that_are_in_no_sector_share_one() -> None:
    assert (stated().sector("SPX"), stated().sector("XYZ")) == ("index", UNCLASSIFIED)
