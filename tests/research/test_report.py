"""The text of a study: rows for everybody, one line a component, and its place in a page."""

import numpy as np
import pytest

from bus.errors import Invalid
from ops.curve import Curve, Path
from ops.summary import Skill
from research.ablation.calibration import Calibration
from research.ablation.effect import Estimate
from research.ablation.report import about, effects, markdown, members, notes, placed, sentences
from research.ablation.study import Effect, Standing, Study, study
from research.ablation.tape import Tape
from research.ablation.variant import Kind

DAY_NS = 86_400_000_000_000


def estimate(low: float, high: float, *, p_value: float = 0.5, adjusted: float | None = None) -> Estimate:
    found = Skill(scored=90, excess=(low + high) / 2, interval=(low, high), mean_block=10.0)
    return Estimate(skill=found, p_value=p_value, adjusted=adjusted, is_idle=False)


def effect(name: str, found: Estimate | None, refusal: str | None = None, unpaired: int = 0) -> Effect:
    path = None if found is None else Path(total_return=0.0123, max_drawdown=-0.004)
    return Effect(
        name=name, label=name, kind=Kind.MEMBER, estimate=found, path=path, unpaired=unpaired, refusal=refusal
    )  # fmt: skip


@pytest.fixture
def made() -> Study:
    """A study with one of each reading."""
    member = Standing(
        member="qar", weight=0.3125, profit=-12.34, share=None, estimate=estimate(-0.003, 0.001),
        calibration=Calibration(error=0.031, chance=0.024, bins=6),
    )  # fmt: skip
    board = Standing(
        member="board", weight=None, profit=-20.0, share=None, estimate=estimate(-0.001, 0.002), calibration=None
    )  # fmt: skip
    return Study(
        sources=("csv SPY.csv sha256 0",), symbols=("SPY",), first_ns=DAY_NS, last_ns=9 * DAY_NS, rounds=100,
        quorate=95, settled=90, horizon=5, seed=4, firm=Path(total_return=0.05, max_drawdown=0.01), board=board,
        members=(member,),
        effects=(
            effect("a", estimate(0.001, 0.002, p_value=0.001, adjusted=0.002)),
            effect("b", estimate(-0.002, 0.002), unpaired=3),
            effect("c", None, "quorum 2"),
        ),
    )  # fmt: skip


def test_every_member_and_the_board_have_a_row(made: Study) -> None:
    grid = members(made)
    assert grid.has_total
    assert grid.rows == (
        ("qar", "-1.00", "-3.00 to +1.00", "-12.3", "-", "0.312", "3.1%", "2.4%", "90"),
        ("board", "+0.500", "-1.00 to +2.00", "-20.0", "", "", "-", "-", "90"),
    )
    assert {len(row) for row in grid.rows} == {len(grid.columns)}


def test_every_component_has_a_row_and_a_line(made: Study) -> None:
    grid = effects(made)
    assert grid.rows == (
        ("a", "+1.50", "+1.00 to +2.00", "+1.23", "-0.40", "helps"),
        ("b", "0", "-2.00 to +2.00", "+1.23", "-0.40", "cannot be told"),
        ("c", "-", "-", "-", "-", "cannot be run"),
    )
    first, second, third = sentences(made)
    assert first.startswith("a helps: between +1.00 and +2.00")
    assert "among 2 (Holm)" in first
    assert second.endswith("3 rounds settled in one of the two runs only.")
    assert third == "c cannot be run without: quorum 2"


def test_chance_is_counted(made: Study) -> None:
    assert notes(made)[-1].startswith("3 intervals at 95 %: about 0.2 would miss zero by chance alone")
    assert (
        "Those that do: 1; also after Holm's correction, made for members and for components apart: 1."
        in (notes(made)[-1])
    )
    assert "blocks of 10 rounds on average, seed 4" in notes(made)[0]


def test_what_was_run_is_said(made: Study) -> None:
    assert about(made) == (
        "SPY, 1970-01-02 to 1970-01-10: 100 rounds, 95 with a quorum, 90 settled 5 bars on; the whole firm: return "
        "+5.00%, largest drawdown 1.00%. The board cannot be told from the prior: between -1.00 and +2.00 thousandths "
        "of a nat a round."
    )


def test_markdown_has_both_tables_whole(made: Study) -> None:
    text = markdown(made)
    assert "Data: csv SPY.csv sha256 0." in text
    for grid in (members(made), effects(made)):
        for row in (grid.columns, *grid.rows):
            assert f"| {' | '.join(row)} |" in text
    assert all(f"- {line}" in text for line in sentences(made))


def test_a_study_of_nothing_can_be_printed() -> None:
    empty = np.empty(0)
    nothing = Tape(
        (), (), (), 0, 0, 1, (), np.empty(0, dtype=np.int64), np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 0, 3)),
        np.empty((0, 0)), (), Curve(np.empty(0, dtype=np.int64), empty),
    )  # fmt: skip
    found = study(nothing, [], seed=0)
    assert about(found) == (
        "no symbol: 0 rounds, 0 with a quorum, 0 settled 1 bars on; the whole firm: no equity. "
        "The board against the prior: 0 rounds are too few to tell."
    )
    assert members(found).rows == (("board", "-", "too few rounds", "+0.0", "", "", "-", "-", "0"),)
    assert effects(found).rows == ()
    assert notes(found)[-1].startswith("0 intervals")
    assert markdown(found)


def test_text_goes_to_its_place_and_nowhere_else() -> None:
    page = "# A\n<!-- ablation: one -->\nold\n<!-- end -->\nkept\n<!-- ablation: two -->\n<!-- end -->\n"
    once = placed(page, "one", "new \\1\n")
    assert once == page.replace("old\n", "\nnew \\1\n\n")
    assert placed(once, "one", "new \\1\n") == once
    with pytest.raises(Invalid, match="<!-- ablation: three -->"):
        placed(page, "three", "new")
    with pytest.raises(Invalid, match="once"):
        placed(page + page, "one", "new")
