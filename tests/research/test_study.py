"""A study of a firm whose truth is known: the oracle helps, noise does not, and nobody depends on who ran it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor

from bus.config import Settings
from bus.errors import ConfigError, Fatal
from market.belief import log_score
from ops.ledger import Ledger
from ops.recorder.config import ledger_url
from ops.summary import summarize
from research.ablation.effect import Reading, read
from research.ablation.run import ablate, play
from research.ablation.study import Effect, Run, Study, paired, study
from research.ablation.tape import Listener, Tape
from research.ablation.variant import Kind, Variant, chosen, variants
from research.backtest import backtest
from tests.conftest import ROOT
from tests.research.planted import settings


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The planted firm."""
    return settings(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def whole(firm: Settings) -> Tape:
    """What the whole planted firm said."""
    return play(firm)


@pytest.fixture(scope="module")
def found(firm: Settings) -> Study:
    """A study of every part of the planted firm."""
    return ablate(firm, variants(firm), seed=1)


def effect(found: Study, name: str) -> Effect:
    return next(each for each in found.effects if each.name == name)


def reading(found: Study, name: str) -> Reading:
    estimate = effect(found, name).estimate
    assert estimate is not None
    return read(estimate)


def test_an_oracle_helps_and_so_does_what_makes_it_one(found: Study) -> None:
    assert reading(found, "oracle") is Reading.HELPS
    assert reading(found, "oracle.sight") is Reading.HELPS
    sight, foresight = effect(found, "oracle.sight").estimate, effect(found, "oracle.foresight").estimate
    assert sight is not None
    assert sight == foresight
    assert sight.adjusted is not None
    assert sight.adjusted < 0.05


def test_noise_does_not_help_and_what_does_nothing_is_called_so(found: Study) -> None:
    assert reading(found, "noise") in (Reading.HURTS, Reading.UNCLEAR)
    assert reading(found, "oracle.blink") is Reading.IDLE
    assert reading(found, "models.quantum") is Reading.IDLE


def test_members_stand_as_they_earned(found: Study) -> None:
    standing = {each.member: each for each in found.members}
    assert list(standing) == ["noise", "oracle", "still", "consensus", "adaptability"]
    assert read(standing["oracle"].estimate) is Reading.HELPS
    assert read(standing["noise"].estimate) is not Reading.HELPS
    weights = {name: each.weight or 0.0 for name, each in standing.items()}
    assert weights["oracle"] == max(weights.values())
    assert sum(weights.values()) == pytest.approx(1.0)
    assert sum(each.share or 0.0 for each in standing.values()) == pytest.approx(1.0)
    assert found.board.profit == pytest.approx(sum(each.profit for each in standing.values()))
    assert standing["oracle"].calibration is not None


@pytest.fixture
def workers() -> Iterator[int]:
    """How many processes to run in; they are gone afterwards."""
    yield 2
    get_reusable_executor().shutdown(wait=True)


def test_whoever_runs_it_the_figures_are_the_same(tmp_path: Path, workers: int) -> None:
    firm = settings(tmp_path, bars=100)
    components = chosen(variants(firm), ["oracle", "noise"])
    seen: list[tuple[int, int]] = []
    one = ablate(firm, components, seed=2, jobs=1)
    two = ablate(firm, components, seed=2, jobs=workers, progress=lambda done, total: seen.append((done, total)))
    assert one.model_dump_json() == two.model_dump_json()
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_the_seed_is_that_of_the_intervals_alone(whole: Tape) -> None:
    one, same, other = (study(whole, [], seed=seed).board.estimate.skill for seed in (2, 2, 3))
    assert one == same
    assert one.interval != other.interval
    assert one.excess == other.excess


def test_a_tape_says_what_the_ledger_says(tmp_path: Path) -> None:
    recorded = settings(tmp_path, bars=120, over={"market": {"symbols": ["AAA", "BBB"]}})
    listener = Listener()
    backtest(recorded, observe=listener.hear)
    tape = listener.tape()
    with closing(Ledger.open(ledger_url(recorded))) as ledger:
        summary = summarize(ledger, seed=1)
    mine = study(tape, [], seed=1)
    assert (mine.rounds, mine.quorate, mine.settled) == (summary.rounds, summary.quorate, summary.settled)
    assert (mine.symbols, mine.first_ns, mine.last_ns) == (summary.symbols, summary.first_ns, summary.last_ns)
    assert mine.firm == summary.firm
    kept = {each.member: each for each in summary.members}
    for standing in (*mine.members, mine.board):
        same = summary.board if standing.member == "board" else kept[standing.member].skill
        assert standing.estimate.skill.scored == same.scored
        assert standing.estimate.skill.excess == pytest.approx(same.excess, rel=1e-12)
        assert standing.estimate.skill.mean_block == same.mean_block
        if standing.member != "board":
            assert standing.profit == pytest.approx(kept[standing.member].profit, rel=1e-9)


def test_a_study_without_a_part_is_the_firm_without_it(firm: Settings, whole: Tape, found: Study) -> None:
    without = play(firm.overridden({"agents": {"noise": {"enabled": False}}}))
    differences = paired(whole, without, "noise")
    assert len(differences) == found.settled == len(without.rounds)
    i = len(differences) // 2
    k = int(whole.outcomes[i])
    assert differences[i] == pytest.approx(np.log(whole.price[i, k]) - np.log(without.price[i, k]), abs=1e-15)
    mine = effect(found, "noise")
    assert mine.estimate is not None
    assert mine.estimate.skill.excess == pytest.approx(float(differences.mean()), abs=1e-15)
    assert mine.unpaired == 0


def test_a_tape_keeps_the_log_scores_that_were_published(whole: Tape) -> None:
    oracle = whole.members.index("oracle")
    excess = whole.member_excess(oracle)
    said = ~np.isnan(whole.beliefs[:, oracle, 0])
    first = int(np.flatnonzero(said)[0])
    outcome = ("down", "flat", "up")[int(whole.outcomes[first])]
    down, flat, up = whole.beliefs[first, oracle].tolist()
    prior_down, prior_flat, prior_up = whole.prior[first].tolist()
    expected = log_score((down, flat, up), outcome) - log_score((prior_down, prior_flat, prior_up), outcome)  # type: ignore[arg-type]
    assert excess[0] == pytest.approx(expected, abs=1e-12)
    assert len(excess) == int(said.sum()) < len(whole.rounds) + 1


def test_a_firm_that_cannot_be_is_said_and_the_others_run(firm: Settings) -> None:
    lonely = firm.overridden({"pads": {"quorum": 3}})
    found = ablate(lonely, chosen(variants(lonely), ["noise", "models.quantum"]))
    noise, quantum = found.effects
    assert (noise.estimate, noise.path) == (None, None)
    assert noise.refusal is not None
    assert "pads.quorum = 3, but only 2 of the seats are enabled" in noise.refusal
    assert quantum.estimate is not None


def test_a_few_bars_are_too_few_and_no_error(tmp_path: Path) -> None:
    brief = settings(tmp_path, bars=24)
    found = ablate(brief, chosen(variants(brief), ["noise"]))
    estimate = found.effects[0].estimate
    assert estimate is not None
    assert read(estimate) in (Reading.SHORT, Reading.IDLE)
    none = ablate(settings(tmp_path, bars=1), ())
    assert (none.settled, none.members, none.board.estimate.skill.scored) == (0, (), 0)


def test_a_market_that_is_not_there_is_one_error_before_anything_runs(tmp_path: Path) -> None:
    nowhere = Settings.load(ROOT / "configs", tmp_path).elsewhere(
        tmp_path, {"market": {"source": "csv", "paths": {"SPY": str(tmp_path / "none.csv")}}}
    )
    with pytest.raises(ConfigError, match="no such file"):
        ablate(nowhere, ())


def test_two_markets_are_not_compared(whole: Tape) -> None:
    other = Tape(**{**vars(whole), "outcomes": (whole.outcomes + 1) % 3})
    run = Run(Variant("noise", Kind.MEMBER, {}), other, None)
    with pytest.raises(Fatal, match="without noise the same rounds have other outcomes"):
        study(whole, [run], seed=0)


def test_rounds_that_only_one_run_settled_are_counted(whole: Tape) -> None:
    shorter = Tape(**{
        **vars(whole),
        "rounds": whole.rounds[:-4], "outcomes": whole.outcomes[:-4], "price": whole.price[:-4],
    })  # fmt: skip
    [only] = study(whole, [Run(Variant("noise", Kind.MEMBER, {}), shorter, None)], seed=0).effects
    assert only.unpaired == 4
    assert only.estimate is not None
    assert only.estimate.skill.scored == len(whole.rounds) - 4
