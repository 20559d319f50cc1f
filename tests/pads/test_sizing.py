import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.message import Probabilities
from bus.messages import Action, Phase
from pads.care import UNGUARDED, Watch
from pads.config import PadsConfig, StyleConfig, StylesConfig
from pads.room import Bound, Room
from pads.sizing import Choice, Situation, Sizer, name_action, whole_lots

MOVES = (-0.03, 0.0, 0.03)
VARIANCE = 0.0004
MIRROR = {Action.BUY: Action.SELL, Action.SELL: Action.BUY}


PRIOR = (0.3, 0.4, 0.3)
BALANCED = StylesConfig().balanced


def sizer(**sizing: object) -> Sizer:
    return Sizer(PadsConfig.model_validate({"sizing": sizing}))


def situation(
    price: Probabilities = (0.3, 0.4, 0.3),
    position: str = "0",
    *,
    moves: tuple[float, float, float] = MOVES,
    phase: Phase = Phase.GROWTH,
    appetite: float = 0.7,
    severity: float = 0.0,
    silence: str = "",
    equity: float = 100_000.0,
    prior: Probabilities = PRIOR,
    style: StyleConfig = BALANCED,
    exceedance: float | None = None,
) -> Situation:
    held = Decimal(position)
    rest = (VARIANCE, held, 100.0, equity, phase, appetite, severity, style, exceedance, silence)
    return Situation(price, prior, moves, *rest)


def choose(price: Probabilities = (0.3, 0.4, 0.3), position: str = "0", **rest: object) -> Choice:
    return sizer().choose(situation(price, position, **rest))  # type: ignore[arg-type]


def test_no_edge_and_no_position_holds() -> None:
    choice = choose()
    assert (choice.action, choice.target) == (Action.HOLD, Decimal(0))
    assert choice.conviction == 0.5
    assert choice.expected_return == 0.0


def test_a_strong_belief_buys_up_to_the_limit() -> None:
    choice = choose((0.1, 0.2, 0.7))
    assert (choice.action, choice.target) == (Action.BUY, Decimal(80))
    assert choice.expected_return == pytest.approx(0.6 * 0.03 - 0.0005)
    assert choice.conviction == pytest.approx(0.875)


def test_a_mild_edge_takes_kellys_fraction() -> None:
    price = (0.28, 0.36, 0.36)
    edge = 0.02 * 0.03 + 0.06 * 0.03
    fraction = 0.01 * 0.7 * (edge - 0.0005) / VARIANCE
    choice = sizer(kelly_fraction=0.01).choose(situation(price))
    assert float(choice.target) == pytest.approx(fraction * 1000, abs=1e-3)


def test_an_edge_below_cost_holds() -> None:
    assert sizer(cost_bps=25.0).choose(situation((0.28, 0.36, 0.36))).action is Action.HOLD
    assert sizer(cost_bps=20.0).choose(situation((0.28, 0.36, 0.36))).action is Action.BUY


def test_between_the_costs_a_position_is_kept() -> None:
    price = (0.28, 0.36, 0.36)
    for position in ("-30", "1", "55", "80"):
        choice = sizer(cost_bps=30.0).choose(situation(price, position))
        assert (choice.action, choice.target) == (Action.HOLD, Decimal(position))


def test_beyond_the_costs_a_position_is_moved_to_the_edge_of_the_band() -> None:
    price, per_edge = (0.28, 0.36, 0.36), 0.001 * 0.7 / VARIANCE
    choice = sizer(cost_bps=30.0, kelly_fraction=0.001).choose(situation(price, "55"))
    assert choice.action is Action.DECREASE
    assert float(choice.target) == pytest.approx(1000 * per_edge * (0.0024 + 0.0030), abs=1e-3)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize(("price", "action"), [((0.2, 0.2, 0.6), Action.BUY), ((0.6, 0.2, 0.2), Action.SELL)])
def test_conviction_must_exceed_the_threshold_of_the_phase(phase: Phase, price: Probabilities, action: Action) -> None:
    conviction = 0.6 / (0.2 + 0.6)
    for asked, expected in ((conviction, Action.HOLD), (math.nextafter(conviction, 0.0), action)):
        table = dict.fromkeys(Phase, 0.999) | {phase: asked}
        limits = {each.value: limit for each, limit in table.items()}
        config = PadsConfig.model_validate({"phase": {"conviction": limits}})
        assert Sizer(config).choose(situation(price, phase=phase)).action is expected


def test_conviction_is_not_asked_for_leaving() -> None:
    choice = choose((0.35, 0.32, 0.33), "50", prior=(0.3, 0.32, 0.38))
    assert (choice.action, choice.target) == (Action.EXIT, Decimal(0))


def test_without_shorts_a_bearish_board_only_leaves() -> None:
    bearish = (0.7, 0.2, 0.1)
    assert sizer(allow_short=False).choose(situation(bearish)).action is Action.HOLD
    assert sizer(allow_short=False).choose(situation(bearish, "50")).action is Action.EXIT
    through = sizer().choose(situation(bearish, "50"))
    assert (through.action, through.target) == (Action.SELL, Decimal(-80))


def test_a_change_too_small_to_trade_is_not_made() -> None:
    assert choose((0.1, 0.2, 0.7), "76").action is Action.HOLD
    assert choose((0.1, 0.2, 0.7), "74").action is Action.INCREASE


def test_a_remainder_however_small_is_closed() -> None:
    choice = sizer(allow_short=False).choose(situation((0.7, 0.2, 0.1), "0.00003"))
    assert (choice.action, choice.target) == (Action.EXIT, Decimal(0))


def test_quantities_are_whole_lots_rounded_towards_zero() -> None:
    assert sizer(lot="30").choose(situation((0.1, 0.2, 0.7))).target == 60
    assert sizer(lot="30").choose(situation((0.7, 0.2, 0.1))).target == -60
    choice = sizer(lot="100").choose(situation((0.1, 0.2, 0.7)))
    assert (choice.action, choice.target) == (Action.HOLD, Decimal(0))


def test_a_silent_board_holds_and_says_why() -> None:
    choice = choose((0.1, 0.2, 0.7), "10", silence="below quorum: 1 of 3")
    assert (choice.action, choice.target) == (Action.HOLD, Decimal(10))
    assert choice.reason.startswith("below quorum: 1 of 3")


def test_without_equity_nothing_is_decided() -> None:
    assert choose((0.1, 0.2, 0.7), equity=0.0).action is Action.HOLD
    assert choose((0.1, 0.2, 0.7), equity=-5.0).action is Action.HOLD


def test_an_alert_at_the_limit_does_nothing_and_one_over_it_reduces() -> None:
    assert choose((0.1, 0.2, 0.7), "60", severity=0.8).action is Action.INCREASE
    choice = choose((0.1, 0.2, 0.7), "60", severity=0.81)
    assert (choice.action, choice.target) == (Action.DECREASE, Decimal(30))
    assert choice.reason.startswith("safety override")


def test_an_alert_reduces_also_when_the_board_is_silent() -> None:
    assert choose((0.1, 0.2, 0.7), "-60", severity=1.0, silence="below quorum").target == -30


def test_an_alert_opens_nothing_and_crosses_nothing() -> None:
    assert choose((0.1, 0.2, 0.7), severity=1.0).action is Action.HOLD
    choice = choose((0.7, 0.2, 0.1), "60", severity=1.0)
    assert (choice.action, choice.target) == (Action.EXIT, Decimal(0))


def test_a_small_position_goes_at_once_under_an_alert() -> None:
    assert choose((0.1, 0.2, 0.7), "8", severity=1.0).action is Action.EXIT


@pytest.mark.parametrize(
    ("position", "target", "action"),
    [
        (0, 0, Action.HOLD),
        (0, 5, Action.BUY),
        (0, -5, Action.SELL),
        (5, 5, Action.HOLD),
        (5, 6, Action.INCREASE),
        (5, 4, Action.DECREASE),
        (5, 0, Action.EXIT),
        (5, -1, Action.SELL),
        (-5, -6, Action.INCREASE),
        (-5, -4, Action.DECREASE),
        (-5, 0, Action.EXIT),
        (-5, 1, Action.BUY),
    ],
)
def test_names_of_changes(position: int, target: int, action: Action) -> None:
    assert name_action(Decimal(position), Decimal(target)) is action


def test_every_action_but_hedge_is_reached() -> None:
    reached = {
        choose((down, 1 - down - up, up), position, severity=severity).action
        for down in (0.1, 0.3, 0.5, 0.7)
        for up in (0.1, 0.2, 0.28)
        for position in ("-60", "0", "60")
        for severity in (0.0, 0.9)
    }
    assert reached == set(Action) - {Action.HEDGE}


def bounds() -> st.SearchStrategy[Bound]:
    return st.builds(Bound, st.sampled_from([0.0, 0.02, math.inf]), st.just("so it is"))


def watches() -> st.SearchStrategy[Watch]:
    closing = st.builds(Watch, st.decimals(0, 200, places=4), st.just("stop"), st.booleans())
    return st.just(UNGUARDED) | closing


def situations() -> st.SearchStrategy[Situation]:
    down, flat, up = (st.floats(0.01, 1.0) for _ in range(3))
    prices = st.tuples(down, flat, up).map(
        lambda w: (w[0] / ((w[0] + w[2]) + w[1]), w[1] / ((w[0] + w[2]) + w[1]), w[2] / ((w[0] + w[2]) + w[1]))
    )
    moves = st.tuples(st.floats(0.001, 0.1), st.floats(-0.001, 0.001), st.floats(0.001, 0.1))
    return st.builds(
        Situation,
        price=prices,
        prior=prices,
        moves=moves.map(lambda m: (-m[0], m[1], m[2])),
        variance=st.floats(1e-6, 1e-2),
        position=st.decimals(-200, 200, places=4),
        close=st.floats(1.0, 1000.0),
        equity=st.floats(1.0, 1e6),
        phase=st.sampled_from(Phase),
        appetite=st.floats(0.0, 1.0),
        severity=st.floats(0.0, 1.0),
        style=st.sampled_from([StylesConfig().cautious, BALANCED, StylesConfig().bold]),
        exceedance=st.none() | st.floats(0.0, 1.0),
        silence=st.sampled_from(["", "below quorum"]),
        watch=watches(),
        room=st.builds(Room, st.sampled_from([0.03, math.inf]), bounds(), bounds()),
    )


@given(situations())
def test_a_mirrored_situation_gives_the_mirrored_choice(here: Situation) -> None:
    there = here._replace(
        price=here.price[::-1],
        prior=here.prior[::-1],
        moves=(-here.moves[2], -here.moves[1], -here.moves[0]),
        position=-here.position,
        room=here.room._replace(short=here.room.long, long=here.room.short),
    )
    one, other = sizer().choose(here), sizer().choose(there)
    assert other.target == -one.target
    assert other.action is MIRROR.get(one.action, one.action)
    assert other.expected_return == -one.expected_return


@given(situations())
def test_the_choice_fits_its_target(here: Situation) -> None:
    choice = sizer().choose(here)
    assert choice.action is name_action(here.position, choice.target)


@given(situations())
def test_exposure_never_grows_beyond_the_limit(here: Situation) -> None:
    choice = sizer().choose(here)
    limit = Decimal(0.08 * here.equity / here.close) + Decimal("0.0001")
    assert abs(choice.target) <= max(limit, abs(here.position))


@given(situations())
def test_an_alert_never_adds_exposure(here: Situation) -> None:
    choice = sizer().choose(here._replace(severity=0.9))
    assert abs(choice.target) <= abs(here.position)
    assert choice.target * here.position >= 0


@given(st.decimals(-1000, 1000, places=6), st.sampled_from(["0.0001", "1", "25"]))
def test_whole_lots_lose_less_than_one_lot(quantity: Decimal, lot: str) -> None:
    rounded = whole_lots(quantity, Decimal(lot))
    assert 0 <= abs(quantity) - abs(rounded) < Decimal(lot)
    assert rounded % Decimal(lot) == 0


def test_appetite_scales_the_position() -> None:
    own = sizer(kelly_fraction=0.01)
    full, half = (own.choose(situation((0.26, 0.36, 0.38), appetite=a)).target for a in (0.8, 0.4))
    assert float(half) == pytest.approx(float(full) / 2, abs=1e-3)


@given(situations())
def test_a_price_that_is_the_prior_holds_whatever_the_prior_expects(here: Situation) -> None:
    calm = here._replace(price=here.prior, severity=0.0, exceedance=None, watch=UNGUARDED)
    choice = sizer().choose(calm)
    assert (choice.action, choice.target) == (Action.HOLD, here.position)


def test_a_side_is_taken_only_where_the_board_has_evidence_for_it() -> None:
    rising = (0.1, 0.3, 0.6)
    assert choose(rising, prior=rising).action is Action.HOLD
    more = choose((0.09, 0.3, 0.61), prior=rising)
    assert more.action is Action.BUY
    assert more.expected_return == pytest.approx(0.52 * 0.03 - 0.0005)
    less = choose((0.15, 0.3, 0.55), prior=rising)
    assert less.expected_return == pytest.approx(0.4 * 0.03 - 0.0005)
    assert less.action is Action.HOLD
    assert choose((0.15, 0.3, 0.55), "50", prior=rising).action is Action.HOLD
    assert choose((0.45, 0.3, 0.25), "50", prior=rising).action is not Action.INCREASE


@given(situations())
def test_exposure_never_grows_against_the_evidence(here: Situation) -> None:
    choice = sizer().choose(here)
    down, _, up = here.price
    evidence = up / (down + up) - here.prior[2] / (here.prior[0] + here.prior[2])
    change = choice.target - here.position
    if here.position * change >= 0 and change != 0:
        assert evidence * float(change) > 0.0


def test_a_black_swan_ends_a_position_before_any_vote() -> None:
    for position in ("60", "-60"):
        for rest in ({}, {"silence": "below quorum"}, {"severity": 1.0}):
            choice = choose((0.1, 0.2, 0.7), position, exceedance=0.000499, **rest)
            assert (choice.action, choice.target) == (Action.EXIT, Decimal(0))
            assert "black swan" in choice.reason
    assert choose((0.1, 0.2, 0.7), "60", exceedance=0.0005).action is Action.INCREASE
    assert choose((0.1, 0.2, 0.7), exceedance=0.0).action is Action.BUY


def test_a_style_scales_fraction_limit_band_and_conviction() -> None:
    price, free = (0.28, 0.36, 0.36), {"kelly": 1.0, "conviction": 0.0, "position": 1.0, "band": 1.0}
    own = sizer(kelly_fraction=0.01)

    def target(price: Probabilities = price, **change: float) -> float:
        return float(own.choose(situation(price, style=StyleConfig.model_validate(free | change))).target)

    assert target(kelly=0.5) == pytest.approx(target() / 2, abs=1e-3)
    assert target(band=0.0) == pytest.approx(target() * 24 / 19, abs=1e-3)
    assert target(conviction=0.02) == 0.0
    assert (target((0.0, 0.0, 1.0)), target((0.0, 0.0, 1.0), position=0.5)) == (80.0, 40.0)
