"""An invented market: seeded log returns that switch between regimes, the same for every symbol.

Not a model of any market. It is for tests and figures of speed, and its name says so wherever it is shown.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import numpy as np

from bus.errors import ConfigError
from kernels.arrays import Floats, Ints
from market.bar import Bar, flaw_of
from market.config import Regime, SyntheticConfig
from market.gap import DAY_S

_NS: Final = 1_000_000_000
_WEEKDAYS: Final = 5
_DRAWS: Final = 4
"""Normal draws of a bar: return, overnight move, shadow above, shadow below."""
_OVERNIGHT: Final = 0.3
_SHADOW: Final = 0.5
_VOLUME_SPREAD: Final = 0.25


def label(config: SyntheticConfig) -> str:
    """Return the name under which the bars are reported."""
    return f"synthetic seed {config.seed} ({', '.join(regime.name for regime in config.regimes)})"


def synthesize(symbol: str, count: int, config: SyntheticConfig) -> tuple[Bar, ...]:
    """Return ``count`` bars of a symbol; a longer series begins with the shorter one, whatever the other symbols.

    The log return of a bar in regime s is drift_s + volatility_s (sqrt(rho) m + sqrt(1 - rho) e), with m drawn once for
    the market and e for the symbol, both standard normal; regimes last a geometric number of bars.

    Raises
    ------
    ConfigError
        The parameters drive a price out of the range that a bar allows.
    """
    states = regime_path(count, config)
    market = _generator(config.seed, 1).standard_normal(count)
    own = _generator(config.seed, 2, zlib.crc32(symbol.encode())).standard_normal((count, _DRAWS))
    noise = math.sqrt(config.correlation) * market + math.sqrt(1.0 - config.correlation) * own[:, 0]
    regimes = [config.regimes[state] for state in states]
    bars = tuple(_bars(regimes, noise, own, config))
    for number, bar in enumerate(bars):
        flaw = flaw_of(bar)
        if flaw is not None:
            raise ConfigError(f"market.synthetic: {symbol} bar {number}: {flaw.value}; lower drift or volatility")
    return bars


def regime_path(count: int, config: SyntheticConfig) -> Ints:
    """Return the index of the regime of each bar, beginning in the first one."""
    uniform = _generator(config.seed, 0).random((count, 2))
    path = np.zeros(count, dtype=np.int64)
    state = 0
    for bar in range(count):
        path[bar] = state
        if uniform[bar, 0] * config.regimes[state].mean_bars < 1.0:
            state = _next_regime(state, float(uniform[bar, 1]), config.regimes)
    return path


def _next_regime(state: int, uniform: float, regimes: Sequence[Regime]) -> int:
    """Draw another regime in proportion to the weights."""
    others = [other for other in range(len(regimes)) if other != state]
    rest = uniform * sum(regimes[other].weight for other in others)
    for other in others:
        rest -= regimes[other].weight
        if rest < 0.0:
            return other
    return others[-1] if others else state


def _bars(regimes: Sequence[Regime], noise: Floats, own: Floats, config: SyntheticConfig) -> Iterator[Bar]:
    price = config.price
    tick = 10.0**-config.decimals
    for opened_ns, regime, shock, draws in zip(_openings(config), regimes, noise.tolist(), own.tolist(), strict=False):
        volatility = regime.volatility
        opening = price * math.exp(_OVERNIGHT * volatility * draws[1])
        price = max(price * math.exp(regime.drift + volatility * shock), tick)
        high = max(opening, price) * math.exp(_SHADOW * volatility * abs(draws[2]))
        low = min(opening, price) * math.exp(-_SHADOW * volatility * abs(draws[3]))
        volume = config.volume * (1.0 + abs(shock)) * math.exp(_VOLUME_SPREAD * draws[2])
        ticks = [_in_ticks(value, tick, config.decimals) for value in (opening, high, low, price)]
        yield Bar(opened_ns, ticks[0], ticks[1], ticks[2], ticks[3], Decimal(round(volume)))


def _in_ticks(price: float, tick: float, decimals: int) -> Decimal:
    """Cross a price from float64 to Decimal, at least one tick."""
    if not price < 1e300 * tick:
        return Decimal("Infinity")
    return Decimal(max(1, round(price / tick))).scaleb(-decimals)


def _openings(config: SyntheticConfig) -> Iterator[int]:
    """Yield opening times from the start on without end; daily bars skip weekends."""
    moment = datetime(config.start.year, config.start.month, config.start.day, tzinfo=UTC)
    step = timedelta(seconds=config.bar_s)
    while True:
        if config.bar_s != DAY_S or moment.weekday() < _WEEKDAYS:
            yield int(moment.timestamp()) * _NS
        moment += step


def _generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
