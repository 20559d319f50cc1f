"""The chassis of a seat: everything but the belief.

A seat is asked by PADS what it believes about one symbol at one bar. Subclass ``Seat``, write ``believe``, and the
rest is kept for you: a window of bars per symbol, waiting for the bar and the feedback the question is about,
abstaining on too little history or after a gap, the choice among the seven actions, the expected return, the seat's
own record against the prior, snapshots. The whole of a seat that follows the last five bars::

    class Follower(Seat):
        '''Leans with the return of the last five bars.'''

        def believe(self, symbol: str, request: DecisionRequest) -> View:
            closes = self.bars(symbol)[:, CLOSE]
            lean = 0.1 * math.log(closes[-1] / closes[-6]) / request.band
            return View(tilt(request.prior, lean), self.credibility(symbol), (("return_5", lean),))

    def build(settings: Settings) -> Agent:
        return Follower("follower", settings.table("follower", SeatConfig))

A seat that learns puts what it needs into ``View.evidence`` and overrides ``learn``; one that keeps state of its own
extends ``snapshot`` and ``restore``. State must be kept per symbol: the question of one symbol may overtake the
feedback of another, and the answer must not depend on which came first.
"""

import math
from decimal import Decimal
from typing import Any, Final

from pydantic import Field, ValidationError

from bus.agent import DEFER, Agent, Answer, Report, handles
from bus.config import Config
from bus.errors import Invalid
from bus.messages import (
    Action,
    DecisionRequest,
    DecisionResponse,
    Gap,
    MarketUpdate,
    PerformanceFeedback,
    RiskAlert,
)
from kernels.arrays import Floats
from market.belief import log_score
from market.choice import choose
from market.factors import Factors, Reading
from market.track import Round, Track, View, abstain, evidence_of

__all__ = ["Round", "Seat", "SeatConfig", "View", "abstain"]

_SUM_TOLERANCE: Final = 1e-9
_LEAST_PRICE: Final = Decimal("1e-100")
_MOST: Final = Decimal("1e100")
_SURELY_LEAST: Final = 1e-99
_SURELY_MOST: Final = 1e99
"""Floats within these are of decimals within the bounds, however they were rounded."""


class SeatConfig(Config):
    """What every seat can be told.

    ``window_bars`` is the history it needs before it answers; ``initial_confidence`` its credibility before any round
    is settled; ``score_discount`` what a settled round keeps of its say in the record when the next one settles;
    ``volatility_decay`` weighs the past in the volatility that factors are measured in; a danger in the market more
    severe than ``alert_severity`` is a RISK_ALERT.
    """

    window_bars: int = Field(64, ge=1)
    initial_confidence: float = Field(0.25, gt=0, lt=1)
    score_discount: float = Field(0.99, gt=0, le=1)
    volatility_decay: float = Field(0.94, gt=0, lt=1)
    alert_severity: float = Field(0.7, ge=0, le=1)


class Seat(Agent):
    """Base of every seat; a subclass writes ``believe``.

    Parameters
    ----------
    name
        Name of the seat; that of its first process, or only one, in the process list.
    config
        The seat's table; a subclass of ``SeatConfig`` where it has parameters of its own.
    """

    def __init__(self, name: str, config: SeatConfig) -> None:
        super().__init__(name)
        self._seat = name
        self._chassis = config
        self._tracks: dict[str, Track] = {}
        self._factors = Factors(config.volatility_decay)
        self._initial_logit = math.log(config.initial_confidence / (1.0 - config.initial_confidence))
        self._answers = 0
        self._abstentions = 0

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Return the view of ``symbol`` as of ``request.bar``.

        Called only with a whole window, ``bars(symbol)``, that ends at that bar, and with every earlier round learned;
        ``reading(symbol)`` is of that bar too. It changes nothing: replicas that were not asked must stay the same.
        """
        raise NotImplementedError(f"{type(self).__name__}: write believe(symbol, request) -> View")

    def learn(self, symbol: str, settled: Round, feedback: PerformanceFeedback) -> None:
        """Take note of what a round came to; called where the view had a belief or evidence. By default nothing."""

    def observe(self, symbol: str, row: Floats) -> None:
        """Take note of a closed bar, once and in order; ``row`` is valid for this call only. By default nothing."""

    def forget(self, symbol: str) -> None:
        """Forget bars observed so far, because the next does not follow them. By default nothing."""

    def bars(self, symbol: str) -> Floats:
        """Return the last ``window_bars`` bars, oldest first, columns as in ``market.window``; for this call only."""
        return self._tracks[symbol].window.rows

    def reading(self, symbol: str) -> Reading | None:
        """Return the factors and features of the latest bar, None with fewer than ``market.factors.LEAST_BARS``."""
        return self._factors.reading(symbol)

    def credibility(self, symbol: str) -> float:
        """Return the posterior probability that this seat, and not the prior, is the better forecaster of ``symbol``.

        Bayes' rule over the two: logistic(logit(initial_confidence) + A), A the discounted sum of the seat's log
        score less the prior's, in nats; a round of horizon h counts 1/h, since outcomes of successive rounds overlap.
        """
        return 1.0 / (1.0 + math.exp(-max(-500.0, self._initial_logit + self._tracks[symbol].advantage)))

    @handles(MarketUpdate)
    def take_bar(self, update: MarketUpdate) -> None:
        """Put a closed bar into its window.

        One beyond what float64 can reckon with is a hole in the data, and a split begins the window anew: prices before
        it are in other units. A dividend is a fall like any other.
        """
        track = self._track(update.symbol)
        is_split = update.action is not None and update.action.split != 1 and update.bar > track.window.bar
        if is_split:
            self._clear(update.symbol)
        elif update.bar > track.window.bar + 1:
            track.is_whole = False
            self.forget(update.symbol)
        if not track.window.append(update):
            return
        track.has_lost_bars = False
        row = track.window.rows[-1]
        floats: list[float] = row.tolist()
        if not ((min(floats[:4]) >= _SURELY_LEAST and max(floats) <= _SURELY_MOST) or _is_representable(update)):
            self._clear(update.symbol)
            return
        self._factors.take(update, floats)
        self.observe(update.symbol, row)

    @handles(Gap)
    def take_gap(self, gap: Gap) -> None:
        """Forget windows that may lack a bar, and stop waiting for what will not come."""
        for symbol, track in self._tracks.items():
            track.is_whole = False
            if gap.stream == MarketUpdate.KIND:
                self._clear(symbol)
                track.has_lost_bars = True
            elif gap.stream == PerformanceFeedback.KIND:
                track.has_lost_feedback = True

    @handles(DecisionRequest)
    def decide(self, request: DecisionRequest) -> Answer:
        """Answer with a belief, once the bar and the feedback that the question rests on are there."""
        track = self._tracks.get(request.symbol)
        if track is None:
            return DEFER
        if request.bar > track.window.bar and not track.has_lost_bars:
            return DEFER
        if request.settled > track.settled and not track.has_lost_feedback:
            return DEFER
        view = self._view(track, request)
        choice, expected_return = Action.HOLD, 0.0
        if view.belief is not None:
            choice = view.choice or choose(view.belief, request.prior, request.position, request.phase)
            expected_return = track.sizes.expected_return(view.belief, request.band)
        response = self._response(request, view, choice, expected_return)
        if request.told is None:
            track.open(request, view)
        else:
            evidence = evidence_of(request, view)
            response = response.model_copy(update={"evidence": evidence, "is_whole": track.is_whole})
        self._alarm(track, request, view)
        if view.belief is None:
            self._abstentions += 1
        else:
            self._answers += 1
        return response

    @handles(PerformanceFeedback)
    def settle(self, feedback: PerformanceFeedback) -> None:
        """Score the belief of the round that settled and learn from it."""
        track = self._track(feedback.symbol)
        settled = track.settle(feedback, self._seat)
        if settled is None:
            return
        request, view = settled
        track.sizes.learn(feedback.outcome, feedback.realized_return, request.band)
        if view.belief is None:
            if view.evidence is not None:
                self.learn(feedback.symbol, settled, feedback)
            return
        gain = log_score(view.belief, feedback.outcome) - log_score(request.prior, feedback.outcome)
        track.advantage = self._chassis.score_discount * track.advantage + gain / request.horizon
        self.learn(feedback.symbol, settled, feedback)

    def report(self) -> Report:
        """Count answers, abstentions and rounds that have not settled."""
        return {
            "answers": self._answers,
            "abstentions": self._abstentions,
            "open_rounds": sum(len(track.rounds) for track in self._tracks.values()),
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data; a subclass with state adds its own keys to this."""
        return {
            "factors": self._factors.snapshot(),
            "tracks": {symbol: track.snapshot() for symbol, track in self._tracks.items()},
            "answers": self._answers,
            "abstentions": self._abstentions,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave; a subclass with state calls this and takes its own keys."""
        self._factors.restore(state["factors"])
        self._tracks = {}
        for symbol, track in state["tracks"].items():
            self._track(symbol).restore(track)
        self._answers = state["answers"]
        self._abstentions = state["abstentions"]

    def _track(self, symbol: str) -> Track:
        track = self._tracks.get(symbol)
        if track is None:
            track = self._tracks[symbol] = Track(self._chassis.window_bars)
        return track

    def _clear(self, symbol: str) -> None:
        self._track(symbol).window.clear()
        self._factors.clear(symbol)
        self.forget(symbol)

    def _alarm(self, track: Track, request: DecisionRequest, view: View) -> None:
        """Raise an alert when a danger becomes severe; one that stays so was told already."""
        least = self._chassis.alert_severity
        is_severe = view.severity > least
        was_severe = track.is_alarmed if request.told is None else request.told > least
        if is_severe and not was_severe:
            seat, symbol, severity = self._seat, request.symbol, view.severity
            reason = f"{seat} sees a danger in {symbol} at bar {request.bar}"
            self.publish(
                RiskAlert(symbol=symbol, severity=severity, source=seat, reason=reason, round_id=request.round_id)
            )
        if request.told is None:
            track.is_alarmed = is_severe

    def _view(self, track: Track, request: DecisionRequest) -> View:
        """Abstain where an answer would rest on a hole, or on what came after the question; believe otherwise."""
        if track.settled < request.settled:
            return abstain("gap")
        if track.window.bar > request.bar or track.settled > request.settled:
            return abstain("overtaken")
        if track.window.bar < request.bar or len(track.window) < self._chassis.window_bars:
            return abstain("history")
        return self.believe(request.symbol, request)

    def _response(
        self, request: DecisionRequest, view: View, choice: Action, expected_return: float
    ) -> DecisionResponse:
        belief = view.belief
        if belief is not None and not abs((belief[0] + belief[2]) + belief[1] - 1.0) <= _SUM_TOLERANCE:
            raise Invalid(f"{self.name}: belief {belief} on {request.symbol} does not sum to 1; correct believe()")
        try:
            return DecisionResponse(
                round_id=request.round_id,
                symbol=request.symbol,
                bar=request.bar,
                belief=belief,
                confidence=view.confidence,
                choice=choice,
                expected_return=expected_return,
                reasons=view.reasons,
                suspected_phase=view.suspected,
                severity=view.severity,
            )
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise Invalid(f"{self.name}: {where} = {first['input']!r}: {first['msg']}; correct believe()") from None


def _is_representable(update: MarketUpdate) -> bool:
    prices = (update.open, update.high, update.low, update.close)
    return min(prices) >= _LEAST_PRICE and max(prices) <= _MOST and update.volume <= _MOST
