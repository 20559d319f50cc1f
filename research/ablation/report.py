"""A study as text: tables, notes and one line a component, for the screen and for a page of documentation."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Final, NamedTuple

from bus.errors import Invalid
from ops.summary import LEVEL
from research.ablation.effect import Estimate, against_prior, milli, read, sentence
from research.ablation.study import BOARD, Effect, Standing, Study

_ABSENT: Final = "-"
_NS: Final = 1_000_000_000
_PLACE: Final = r"(<!-- ablation: {} -->\n).*?(<!-- end -->)"


class Grid(NamedTuple):
    """A table in words; the first column is text, the last row is set apart where ``has_total``."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_total: bool


def members(study: Study) -> Grid:
    """Return how each member of the whole firm did, and the board."""
    columns = ("member", "score", "95 % interval", "profit", "share", "weight", "calib.", "chance", "rounds")
    rows = (*(_standing(each) for each in study.members), _standing(study.board))
    return Grid(columns, rows, has_total=True)


def effects(study: Study) -> Grid:
    """Return what each component adds."""
    columns = ("without", "worth", "95 % interval", "return", "drawdown", "reading")
    return Grid(columns, tuple(_effect(each) for each in study.effects), has_total=False)


def about(study: Study) -> str:
    """Say what was run, and how the whole firm ended."""
    span = ""
    if study.first_ns is not None and study.last_ns is not None:
        span = f", {_day(study.first_ns)} to {_day(study.last_ns)}"
    ended = "no equity" if study.firm is None else (
        f"return {study.firm.total_return:+.2%}, largest drawdown {study.firm.max_drawdown:.2%}"
    )  # fmt: skip
    return (
        f"{', '.join(study.symbols) or 'no symbol'}{span}: {study.rounds} rounds, {study.quorate} with a quorum, "
        f"{study.settled} settled {study.horizon} bars on; the whole firm: {ended}. "
        f"{against_prior('The board', study.board.estimate)}"
    )


def notes(study: Study) -> tuple[str, ...]:
    """Say what the columns are, and how much to believe of so many intervals."""
    blocks = study.board.estimate.skill.mean_block
    columns = (
        "score: mean log score less the prior's; worth: mean log score of the board less that of the board without the "
        "component; both in thousandths of a nat a round, positive is good. Intervals by stationary bootstrap, blocks "
        f"of {blocks:g} rounds on average, seed {study.seed}."
    )
    standing = (
        "profit: in the board's own money; share: of what all traders earned together, where they earned anything; "
        "weight: at the end; calib.: expected calibration error over the three outcomes, beside what chance alone "
        "would show if rounds were independent, which those with overlapping horizons are not."
    )
    money = (
        "return, drawdown: whole firm less the firm without, in percentage points, along one path each: no interval, "
        "and no proof of anything."
    )
    return columns, standing, money, _chances(study)


def sentences(study: Study) -> tuple[str, ...]:
    """Return one line for each component."""
    beside = sum(_counts(each.estimate) for each in study.effects if each.estimate is not None)
    return tuple(_line(each, beside) for each in study.effects)


def markdown(study: Study) -> str:
    """Return the study as Markdown."""
    blocks = [about(study), *_sources(study), _piped(members(study)), _piped(effects(study))]
    lines = "\n".join(f"- {line}" for line in sentences(study))
    return "\n\n".join([*blocks, lines, *notes(study)]) + "\n"


def placed(page: str, name: str, text: str) -> str:
    """Return ``page`` with ``text`` between ``<!-- ablation: NAME -->`` and the next ``<!-- end -->``.

    Raises
    ------
    Invalid
        The page has no such place, or more than one.
    """
    place = re.compile(_PLACE.format(re.escape(name)), re.DOTALL)
    if len(place.findall(page)) != 1:
        raise Invalid(f"the page must have <!-- ablation: {name} --> and <!-- end --> once, each on its own line")
    return place.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page)


def _standing(each: Standing) -> tuple[str, ...]:
    calibration = each.calibration
    return (
        each.member,
        *_figures(each.estimate),
        f"{each.profit:+.1f}",
        ("" if each.member == BOARD else _ABSENT) if each.share is None else f"{each.share:.0%}",
        "" if each.weight is None else f"{each.weight:.3f}",
        _ABSENT if calibration is None else f"{calibration.error:.1%}",
        _ABSENT if calibration is None else f"{calibration.chance:.1%}",
        str(each.estimate.skill.scored),
    )


def _effect(each: Effect) -> tuple[str, ...]:
    if each.estimate is None:
        return each.label, _ABSENT, _ABSENT, _ABSENT, _ABSENT, "cannot be run"
    path = each.path
    return (
        each.label,
        *_figures(each.estimate),
        _ABSENT if path is None else f"{path.total_return * 100:+.2f}",
        _ABSENT if path is None else f"{path.max_drawdown * 100:+.2f}",
        str(read(each.estimate)),
    )


def _figures(estimate: Estimate) -> tuple[str, str]:
    found = estimate.skill
    excess = _ABSENT if found.excess is None else milli(found.excess)
    if found.interval is None:
        return excess, "too few rounds"
    low, high = found.interval
    return excess, f"{milli(low)} to {milli(high)}"


def _line(each: Effect, beside: int) -> str:
    if each.estimate is None:
        return f"{each.label} cannot be run without: {each.refusal}"
    unpaired = f" {each.unpaired} rounds settled in one of the two runs only." if each.unpaired else ""
    return sentence(each.label, each.estimate, beside=beside) + unpaired


def _chances(study: Study) -> str:
    """Say how many intervals would miss zero by chance alone, and how many do."""
    looked_at = [each.estimate for each in study.effects if each.estimate is not None]
    estimates = [each for each in (*looked_at, *(each.estimate for each in study.members)) if _counts(each)]
    missing = sum(each.skill.interval is not None and not _holds_zero(each.skill.interval) for each in estimates)
    held = sum(each.adjusted is not None and each.adjusted <= 1.0 - LEVEL for each in estimates)
    expected = len(estimates) * (1.0 - LEVEL)
    return (
        f"{len(estimates)} intervals at {LEVEL * 100:g} %: about {expected:.1f} would miss zero by chance alone if "
        f"nothing mattered. Those that do: {missing}; also after Holm's correction, made for members and for "
        f"components apart: {held}."
    )


def _counts(estimate: Estimate) -> bool:
    return estimate.p_value is not None and not estimate.is_idle


def _holds_zero(interval: tuple[float, float]) -> bool:
    return interval[0] <= 0.0 <= interval[1]


def _sources(study: Study) -> Iterator[str]:
    if study.sources:
        yield f"Data: {'; '.join(study.sources)}."


def _piped(grid: Grid) -> str:
    rows = [grid.columns, ("---", *("---:" for _ in grid.columns[1:])), *grid.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _day(at_ns: int) -> str:
    moment = datetime.fromtimestamp(at_ns // _NS, UTC)
    return f"{moment:%Y-%m-%d}" if moment.time() == time() else f"{moment:%Y-%m-%d %H:%M} UTC"
