"""The eight standard factors and QUASAR's ten features of every symbol, as of its latest bar.

Everything is causal: a reading at bar t is a function of the symbol's bars since its start, the last restart after a
missing bar included, and, for correlation alone, of other symbols' bars taken before it. It is made when the bar is
taken, and nothing that comes later changes it. All values lie in [-1, 1] with 0 neutral. Definitions are those of
``kernels.indicators``, ``kernels.cycle`` and ``market.comovement``; sentiment comes from a feed or is absent.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from bus.messages import MarketUpdate
from kernels import indicators
from kernels.arrays import Floats
from market.comovement import Comovement
from market.window import as_floats

FACTORS: Final = ("trend", "volatility", "momentum", "sentiment", "liquidity", "correlation", "cycle", "anomaly")
FEATURES: Final = (
    "return", "return_5", "return_10", "volatility", "trend", "momentum", "sma_ratio", "rsi", "adx", "macd",
)  # fmt: skip
DIRECTIONAL_FACTORS: Final = (True, False, True, True, False, False, True, True)
"""Which factors flip their sign when prices are mirrored."""
DIRECTIONAL_FEATURES: Final = (True, True, True, False, True, True, True, True, False, True)
"""Which features flip their sign when prices are mirrored."""
LEAST_BARS: Final = indicators.WINDOW
"""Bars of a symbol, without a gap, before there is a reading."""

_LEAST_PRICE: Final = 1e-100
_MOST: Final = 1e100
_SENTIMENT: Final = indicators.WIDTH
_CORRELATION: Final = indicators.WIDTH + 1
_SIGMA: Final = indicators.NAMES.index("sigma")
_PLACES: Final = {name: place for place, name in enumerate((*indicators.NAMES, "sentiment", "correlation"))}
_FACTORS_AT: Final = np.array([_PLACES[name] for name in FACTORS])
_FEATURES_AT: Final = np.array([_PLACES[name] for name in FEATURES])


class Reading(NamedTuple):
    """What was measured at one bar.

    ``factors`` has shape (8,), 0 where ``present`` is False; ``features`` has shape (10,); ``sigma`` is the EWMA
    volatility of log returns per bar, 0 where closes never moved.
    """

    bar: int
    factors: Floats
    present: tuple[bool, ...]
    features: Floats
    sigma: float


class _Track:
    """One symbol: its recursion, and what was measured at its latest bar."""

    __slots__ = ("bar", "has_correlation", "has_sentiment", "indicators", "is_ready", "state", "values")

    def __init__(self) -> None:
        self.bar = -1
        self.values: Floats = np.zeros(indicators.WIDTH + 2)
        self.indicators: Floats = self.values[: indicators.WIDTH]
        self.start()

    def start(self) -> None:
        self.state = indicators.initial()
        self.is_ready = False
        self.has_sentiment = False
        self.has_correlation = False


class Factors:
    """Factors and features of all symbols of one agent, kept up bar by bar.

    Parameters
    ----------
    decay
        Weight of the past in the exponentially weighted volatility and correlation, in [0, 1).

    Raises
    ------
    ValueError
        A decay out of range.
    """

    def __init__(self, decay: float = 0.94) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay {decay}, expected 0 <= decay < 1")
        self._decay = decay
        self._tracks: dict[str, _Track] = {}
        self._comovement = Comovement(decay)
        self._sentiment: dict[str, float] = {}

    def take(self, update: MarketUpdate, row: Sequence[float] | None = None) -> None:
        """Take a closed bar: one already seen is ignored, one after a missing bar starts its symbol anew.

        A bar beyond what float64 can reckon with is a missing bar. ``row`` is the bar ``as_floats``, where it is known.
        """
        symbol = update.symbol
        track = self._tracks.get(symbol)
        if track is None:
            track = self._tracks[symbol] = _Track()
        if update.bar <= track.bar:
            return
        if update.bar != track.bar + 1:
            self.clear(symbol)
        track.bar = update.bar
        if row is None:
            row = as_floats(update)
        if not (min(row[:4]) >= _LEAST_PRICE and max(row) <= _MOST):
            self.clear(symbol)
            return
        values = track.values
        track.is_ready = indicators.update(track.state, row, self._decay, track.indicators)
        correlation = self._comovement.take(symbol, update.opened_ns, indicators.last_return(track.state))
        track.has_correlation = correlation is not None
        values[_CORRELATION] = correlation or 0.0
        sentiment = self._sentiment.get(symbol)
        track.has_sentiment = sentiment is not None
        values[_SENTIMENT] = sentiment or 0.0

    def feel(self, symbol: str, value: float | None) -> None:
        """Take a symbol's sentiment from a feed, in [-1, 1]; None when the feed has nothing to say any more.

        It counts from the symbol's next bar on, until the next value.

        Raises
        ------
        ValueError
            A value out of range.
        """
        if value is None:
            self._sentiment.pop(symbol, None)
        elif -1.0 <= value <= 1.0:
            self._sentiment[symbol] = value
        else:
            raise ValueError(f"sentiment {value} of {symbol}, expected one in [-1, 1]")

    def reading(self, symbol: str) -> Reading | None:
        """Return what was measured at the symbol's latest bar, None with fewer than ``LEAST_BARS`` bars."""
        track = self._tracks.get(symbol)
        if track is None or not track.is_ready:
            return None
        return Reading(
            track.bar,
            track.values.take(_FACTORS_AT),
            (True, True, True, track.has_sentiment, True, track.has_correlation, True, True),
            track.values.take(_FEATURES_AT),
            float(track.values[_SIGMA]),
        )

    def clear(self, symbol: str) -> None:
        """Forget a symbol's bars, because what was missed in between is unknown; the feed's sentiment stands."""
        track = self._tracks.get(symbol)
        if track is not None:
            track.start()
            self._comovement.clear(symbol)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data and arrays."""
        return {
            "tracks": {
                symbol: {
                    "bar": track.bar,
                    "state": track.state.copy(),
                    "values": track.values.copy(),
                    "is_ready": track.is_ready,
                    "has_sentiment": track.has_sentiment,
                    "has_correlation": track.has_correlation,
                }
                for symbol, track in self._tracks.items()
            },
            "comovement": self._comovement.snapshot(),
            "sentiment": dict(self._sentiment),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._tracks = {}
        for symbol, kept in state["tracks"].items():
            track = self._tracks[symbol] = _Track()
            track.bar = kept["bar"]
            track.state = kept["state"].copy()
            track.values[:] = kept["values"]
            track.is_ready = kept["is_ready"]
            track.has_sentiment = kept["has_sentiment"]
            track.has_correlation = kept["has_correlation"]
        self._comovement.restore(state["comovement"])
        self._sentiment = dict(state["sentiment"])
