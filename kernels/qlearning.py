"""Double Q-learning over a table, with eligibility traces and prioritised replay.

A desk that is short, flat or long by one unit takes one of seven actions; x is what it then holds through the round:

| position | BUY | SELL | HOLD | INCREASE | DECREASE | HEDGE | EXIT |
|---|---|---|---|---|---|---|---|
| short | +1 | | -1 | -1.5 | -0.5 | -0.25 | 0 |
| flat | +1 | -1 | 0 | | | | |
| long | | -1 | +1 | +1.5 | +0.5 | +0.25 | 0 |

A hedge keeps the position and three quarters of its opposite beside it. The next state knows the sign of x alone, so
that every open position is one unit when the next round begins. With z the log return of the round in bands, u the
share of equity that one unit gains when the price moves by one band, and c the cost of trading one unit in bands, the
reward is the log return of the position net of cost, in nats,

    r = ln(max(1 + u x z, 0.05)) - u c |x - x0|.

It is the same for the mirrored position in a mirrored market. Its concavity is what makes half a position better than
a whole one where the edge is small (Kelly 1956).

Two tables A and B (van Hasselt 2010): a coin says which learns,

    d = r + discount * B[s', argmax_a A[s', a]] - A[s, a],    A[s, a] += rate * d,

and the same with the tables exchanged. Watkins' Q(lambda) passes d back to the states before along replacing traces,
which fade by discount * lambda and end where the action was not the greedy one (Watkins 1989; Sutton and Barto 2018,
section 12.10). ``kernels.replay``
learns again from past rounds.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel

BUY: Final = 0
SELL: Final = 1
HOLD: Final = 2
POSITIONS: Final = 3
"""Short, flat, long: the sign of what is held, plus one."""
ACTIONS: Final = 7
_NONE: Final = math.nan
HOLDINGS: Final = np.array(
    [
        [1.0, _NONE, -1.0, -1.5, -0.5, -0.25, 0.0],
        [1.0, -1.0, 0.0, _NONE, _NONE, _NONE, _NONE],
        [_NONE, -1.0, 1.0, 1.5, 0.5, 0.25, 0.0],
    ]
)
"""What is held after an action, shape (3, 7), NaN where an action has no meaning."""

STEP: Final = 4
"""Columns of a trace: row, position, action, strength."""

_LEAST_WEALTH: Final = 0.05
_MULTIPLIER: Final = 48_271
_MODULUS: Final = 2_147_483_647


def holds_after(position: int, action: int) -> float:
    """Return what an action leaves in hand, in units; NaN where it has no meaning in that position."""
    if not (-1 <= position <= 1 and 0 <= action < ACTIONS):
        raise ValueError(f"position {position}, action {action}: expected -1 to 1 and 0 to {ACTIONS - 1}")
    return float(HOLDINGS[position + 1, action])


def mirrored(action: int) -> int:
    """Return the action that does in a mirrored market what ``action`` does in this one."""
    return {BUY: SELL, SELL: BUY}.get(action, action)


def reward(position: int, action: int, move: float, *, cost: float, unit: float) -> float:
    """Return the log return of the position that an action leaves, net of cost, in nats.

    Parameters
    ----------
    position
        -1 short, 0 flat, 1 long.
    action
        Index of one that has a meaning there.
    move, cost
        Log return of the round, and cost of trading one unit, in bands.
    unit
        Share of equity that one unit gains when the price moves by one band.

    Examples
    --------
    >>> round(reward(0, BUY, 2.0, cost=0.1, unit=0.02), 6) == round(math.log(1.04) - 0.002, 6)
    True
    """
    held = holds_after(position, action)
    if math.isnan(held) or not (math.isfinite(move) and cost >= 0.0 and unit > 0.0):
        raise ValueError(f"action {action} in position {position}, move {move}, cost {cost}, unit {unit}: out of range")
    return float(_reward(position + 1, action, move, cost, unit))


def greedy(values: Floats, row: int, position: int) -> int:
    """Return the action of the highest value by both tables together; HOLD among equals, then the first.

    Parameters
    ----------
    values
        Both tables, shape (2, n, 3, 7).
    row, position
        The state, and -1, 0 or 1.
    """
    _check(values, row)
    return int(_greedy(values, 2, row, position + 1))


def lead(values: Floats, row: int) -> float:
    """Return by how much BUY is worth more than SELL to a flat desk, summed over both tables."""
    _check(values, row)
    return float(_lead(values, row))


def follow_trace(
    values: Floats, trace: Floats, row: int, position: int, action: int, earned: float, follow: int, holding: int,
    *, table: int, discount: float, fading: float, rate: float,
) -> float:  # fmt: skip
    """Learn one step of a trajectory, and what it says of the steps before; return the error d.

    Parameters
    ----------
    values
        Both tables, shape (2, n, 3, 7), changed in place.
    trace
        The steps before, shape (m, 4), changed in place; strength 0 is none.
    row, position, action
        What was done where.
    earned
        The reward, in nats.
    follow, holding
        Row and position of the next state; row -1 where it is unknown and worth nothing.
    table
        Which table learns, 0 or 1.
    discount, fading, rate
        In [0, 1].
    """
    _check(values, row)
    _check_trace(trace, follow, values)
    if table not in (0, 1):
        raise ValueError(f"table {table}: expected 0 or 1")
    return float(
        _follow(values, trace, row, position + 1, action, earned, follow, holding + 1, table, discount, fading, rate)
    )


def draw(chance: Ints) -> float:
    """Return the next number of the minimal standard generator (Park and Miller 1988), in (0, 1)."""
    return float(_draw(chance))


def _check(values: Floats, row: int) -> None:
    if values.ndim != 4 or values.shape[0] != 2 or values.shape[2:] != (POSITIONS, ACTIONS):
        raise ValueError(f"values of shape {values.shape}, expected (2, n, {POSITIONS}, {ACTIONS})")
    if not 0 <= row < values.shape[1]:
        raise ValueError(f"row {row} of {values.shape[1]}")


def _check_trace(trace: Floats, follow: int, values: Floats) -> None:
    if trace.ndim != 2 or trace.shape[1] != STEP or not len(trace) or follow >= values.shape[1]:
        raise ValueError(f"trace {trace.shape}, next row {follow}: expected (m, {STEP}) and a row")


@kernel
def _draw(chance: Ints) -> float:
    chance[0] = chance[0] * _MULTIPLIER % _MODULUS
    drawn: float = chance[0] / _MODULUS
    return drawn


@kernel
def _reward(position: int, action: int, move: float, cost: float, unit: float) -> float:
    held = HOLDINGS[position, action]
    wealth = max(1.0 + unit * held * move, _LEAST_WEALTH)
    earned: float = math.log(wealth) - unit * cost * abs(held - (position - 1))
    return earned


@kernel
def _greedy(values: Floats, table: int, row: int, position: int) -> int:
    """Table 2 is the sum of both."""
    best = HOLD
    highest = -math.inf
    for k in range(-1, ACTIONS):
        action = HOLD if k < 0 else k
        if math.isnan(HOLDINGS[position, action]):
            continue
        value = values[0, row, position, action] + values[1, row, position, action]
        if table < 2:
            value = values[table, row, position, action]
        if value > highest:
            best, highest = action, value
    return best


@kernel
def _lead(values: Floats, row: int) -> float:
    first: float = values[0, row, 1, BUY] - values[0, row, 1, SELL]
    second: float = values[1, row, 1, BUY] - values[1, row, 1, SELL]
    return first + second


@kernel
def _worth(values: Floats, table: int, row: int, position: int) -> float:
    """What the other table says of the action that ``table`` thinks best; 0 where the state is unknown."""
    if row < 0:
        return 0.0
    return float(values[1 - table, row, position, _greedy(values, table, row, position)])


@kernel
def _follow(
    values: Floats, trace: Floats, row: int, position: int, action: int, earned: float, follow: int, holding: int,
    table: int, discount: float, fading: float, rate: float,
) -> float:  # fmt: skip
    error: float = earned + discount * _worth(values, table, follow, holding) - values[table, row, position, action]
    weakest = 0
    for k in range(len(trace)):
        if trace[k, 0] == row and trace[k, 1] == position and trace[k, 2] == action:
            trace[k, 3] = 0.0
        if trace[k, 3] < trace[weakest, 3]:
            weakest = k
    trace[weakest, 0] = row
    trace[weakest, 1] = position
    trace[weakest, 2] = action
    trace[weakest, 3] = 1.0
    for k in range(len(trace)):
        if trace[k, 3] > 0.0:
            values[table, int(trace[k, 0]), int(trace[k, 1]), int(trace[k, 2])] += rate * error * trace[k, 3]
            trace[k, 3] *= discount * fading
    return error
