"""The whole firm's figures, and what each component adds to them."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from bus.errors import Fatal
from bus.message import Part
from kernels.arrays import Floats
from ops.curve import Path, path
from pads.config import MARKET_MAKER
from research.ablation.calibration import Calibration, calibration
from research.ablation.effect import Estimate, estimate, together
from research.ablation.tape import Tape
from research.ablation.variant import Kind, Variant

BOARD: Final = "board"


class Standing(Part):
    """How a member of the whole firm did.

    ``estimate`` is of its log score over the prior's. ``profit`` is in the board's own currency; ``share`` is that over
    the profit of all traders together, None where they lost. The board has no weight, and the maker none that counts.
    """

    member: str
    weight: float | None
    profit: float
    share: float | None
    estimate: Estimate
    calibration: Calibration | None


class Effect(Part):
    """What a component adds: the whole firm less the firm without it.

    ``estimate`` is of the board's log scores, round by round. ``path`` holds differences of return and drawdown, of
    one path each. ``unpaired`` rounds settled in one of the two runs only. ``refusal`` says why there
    is no such firm, and then nothing else is there.
    """

    name: str
    label: str
    kind: Kind
    estimate: Estimate | None
    path: Path | None
    unpaired: int
    refusal: str | None


class Study(Part):
    """An ablation: the market, the whole firm, its members, and the effect of each component."""

    sources: tuple[str, ...]
    symbols: tuple[str, ...]
    first_ns: int | None
    last_ns: int | None
    rounds: int
    quorate: int
    settled: int
    horizon: int
    seed: int
    firm: Path | None
    board: Standing
    members: tuple[Standing, ...]
    effects: tuple[Effect, ...]


class Run(NamedTuple):
    """What came of a variant: its tape, or why there is no such firm."""

    variant: Variant
    tape: Tape | None
    refusal: str | None


def study(whole: Tape, runs: Iterable[Run], *, seed: int) -> Study:
    """Compare runs over the same market with that of the whole firm; ``seed`` is that of the bootstrap.

    Raises
    ------
    Fatal
        A run settled a round otherwise: its market was another one.
    """
    times = whole.equity.times_ns
    standings = _standings(whole, seed)
    return Study(
        sources=whole.sources,
        symbols=whole.symbols,
        first_ns=int(times[0]) if len(times) else None,
        last_ns=int(times[-1]) if len(times) else None,
        rounds=whole.decided,
        quorate=whole.quorate,
        settled=len(whole.rounds),
        horizon=whole.horizon,
        seed=seed,
        firm=path(whole.equity),
        board=_board(whole, seed),
        members=standings,
        effects=_adjusted([_effect(whole, run, seed) for run in runs]),
    )


def _least_block(whole: Tape) -> float:
    """Return how many rounds in a row overlap with one: as many symbols in as many bars as the horizon has."""
    return float(max(1, len(whole.symbols)) * whole.horizon)


def _standings(whole: Tape, seed: int) -> tuple[Standing, ...]:
    profits = whole.profits.sum(axis=0)
    traders = [i for i, member in enumerate(whole.members) if member != MARKET_MAKER]
    earned = float(profits[traders].sum()) if traders else 0.0
    least_block = _least_block(whole)
    estimates = together([estimate(whole.member_excess(i), least_block=least_block, seed=seed) for i in traders])
    return tuple(
        Standing(
            member=whole.members[i],
            weight=whole.weights[i],
            profit=float(profits[i]),
            share=float(profits[i]) / earned if earned > 0.0 else None,
            estimate=found,
            calibration=_calibration(whole, whole.beliefs[:, i]),
        )
        for i, found in zip(traders, estimates, strict=True)
    )


def _board(whole: Tape, seed: int) -> Standing:
    traders = [i for i, member in enumerate(whole.members) if member != MARKET_MAKER]
    return Standing(
        member=BOARD,
        weight=None,
        profit=float(whole.profits[:, traders].sum()),
        share=None,
        estimate=estimate(whole.excess, least_block=_least_block(whole), seed=seed),
        calibration=_calibration(whole, whole.price),
    )


def _calibration(whole: Tape, forecasts: Floats) -> Calibration | None:
    has_said = ~np.isnan(forecasts[:, 0])
    return calibration(forecasts[has_said], whole.outcomes[has_said])


def _effect(whole: Tape, run: Run, seed: int) -> Effect:
    variant, without = run.variant, run.tape
    if without is None:
        return Effect(
            name=variant.name, label=variant.label, kind=variant.kind, estimate=None,
            path=None, unpaired=0, refusal=run.refusal,
        )  # fmt: skip
    differences = paired(whole, without, variant.name)
    return Effect(
        name=variant.name,
        label=variant.label,
        kind=variant.kind,
        estimate=estimate(differences, least_block=_least_block(whole), seed=seed),
        path=_gap(path(whole.equity), path(without.equity)),
        unpaired=len(whole.rounds) + len(without.rounds) - 2 * len(differences),
        refusal=None,
    )


def _gap(ours: Path | None, theirs: Path | None) -> Path | None:
    if ours is None or theirs is None:
        return None
    return Path(
        total_return=ours.total_return - theirs.total_return, max_drawdown=ours.max_drawdown - theirs.max_drawdown
    )


def paired(whole: Tape, without: Tape, name: str) -> Floats:
    """Return the board's log score of the whole firm less that of a variant, for each round that both settled.

    Raises
    ------
    Fatal
        The same round has another outcome in the other run.
    """
    place = {decision: i for i, decision in enumerate(without.rounds)}
    both = [(i, place[decision]) for i, decision in enumerate(whole.rounds) if decision in place]
    mine, other = np.array(both, dtype=np.int64).reshape(-1, 2).T
    if not np.array_equal(whole.outcomes[mine], without.outcomes[other]):
        raise Fatal(f"without {name} the same rounds have other outcomes; both runs must see the same market")
    return whole.log_scores[mine] - without.log_scores[other]


def _adjusted(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Correct the p-values of all effects for each other."""
    known = [i for i, each in enumerate(effects) if each.estimate is not None]
    corrected = dict(
        zip(known, together([each.estimate for each in effects if each.estimate is not None]), strict=True)
    )
    return tuple(each.model_copy(update={"estimate": corrected.get(i)}) for i, each in enumerate(effects))
