"""Learning again from past rounds, by priority, and a settled round of double Q-learning in one call.

Replay draws past transitions with probability P proportional to |d|^0.6, d the error of ``kernels.qlearning``, and
weighs them by (N P)^(-0.4) over the largest such weight (Schaul et al. 2016). A desk of this size does not move the
market, so a return tells what every action would have earned: a replayed transition teaches all actions of all
positions.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel
from kernels.qlearning import (
    _MODULUS,
    ACTIONS,
    HOLDINGS,
    POSITIONS,
    _check,
    _check_trace,
    _draw,
    _follow,
    _greedy,
    _reward,
    _worth,
    holds_after,
)

ROW: Final = 0
FOLLOW: Final = 1
TURN: Final = 2
MOVE: Final = 3
COST: Final = 4
PRIORITY: Final = 5
TRANSITION: Final = 6
"""Columns of a transition: its state's row, the next one's, 1 or -1 where the next is read in the mirror relative to
this, the return and the cost in bands, and |d|^0.6, which is 0 for one that is void."""

_PRIORITY_EXPONENT: Final = 0.6
_IMPORTANCE_EXPONENT: Final = 0.4
_LEAST_ERROR: Final = 1e-6
_BLOCK: Final = 32
"""Priorities that are summed together, so that a change of one does not need the sum of all again."""


def replay(
    values: Floats, memory: Floats, chance: Ints, draws: int, *, unit: float, discount: float, rate: float
) -> None:
    """Learn again from transitions drawn by priority, all actions of all positions at once.

    Parameters
    ----------
    values
        Both tables, shape (2, n, 3, 7), changed in place.
    memory
        Transitions, shape (m, 6), of which the priorities change.
    chance
        State of the generator, shape (1,), in [1, 2**31 - 2]; changed in place.
    draws
        How many to draw.
    """
    _check(values, 0)
    _check_memory(memory, chance)
    _replay(values, memory, chance, draws, unit, discount, rate)


def settle(
    values: Floats, trace: Floats, memory: Floats, chance: Ints, place: int,
    row: int, position: int, action: int, move: float, cost: float, follow: int, turn: int, taken: int,
    *, draws: int, unit: float, discount: float, fading: float, rate: float,
) -> None:  # fmt: skip
    """Learn a round in one call: along its trajectory, into the memory, and again from some others.

    The same as ``follow_trace`` with a table drawn by ``chance`` and the reward of the action, a transition written to
    the memory with the greatest priority in it, and ``replay``. The trace is cut before an action that is not the
    greedy one, and after one that did not lead to the position that was taken.

    Parameters
    ----------
    values, trace, memory, chance
        As in ``follow_trace`` and ``replay``; all changed in place.
    place
        Row of the memory that the transition replaces.
    row, position, action, move, cost
        What was done where, as in ``reward``.
    follow, turn, taken
        Row of the next state, -1 where it is unknown; 1, or -1 where it is read in the mirror relative to this; and the
        position held there, as seen from this one.
    draws, unit, discount, fading, rate
        As in ``follow_trace`` and ``replay``.
    """
    _check(values, row)
    _check_trace(trace, follow, values)
    _check_memory(memory, chance)
    held = holds_after(position, action)
    if math.isnan(held) or not (math.isfinite(move) and cost >= 0.0 and unit > 0.0):
        raise ValueError(f"action {action} in position {position}, move {move}, cost {cost}, unit {unit}: out of range")
    if not 0 <= place < len(memory) or turn not in (-1, 1):
        raise ValueError(f"place {place} of {len(memory)}, turn {turn}: expected a row of the memory, and -1 or 1")
    _settle(
        values, trace, memory, chance, place, row, position + 1, action, move, cost, follow, turn, taken,
        draws, unit, discount, fading, rate,
    )  # fmt: skip


def _check_memory(memory: Floats, chance: Ints) -> None:
    if memory.ndim != 2 or memory.shape[1] != TRANSITION or chance.shape != (1,):
        raise ValueError(f"memory {memory.shape}, chance {chance.shape}: expected (m, {TRANSITION}) and (1,)")
    if not 0 < chance[0] < _MODULUS:
        raise ValueError(f"chance {chance[0]}: expected 1 to {_MODULUS - 1}")


@kernel
def _sweep(values: Floats, table: int, step: Floats, unit: float, discount: float, rate: float) -> float:
    """Learn every action of every position from a transition; return the mean size of the errors."""
    row, follow, turn = int(step[ROW]), int(step[FOLLOW]), int(step[TURN])
    errors, count = 0.0, 0
    for position in range(POSITIONS):
        for action in range(ACTIONS):
            held = HOLDINGS[position, action]
            if math.isnan(held):
                continue
            holding = 1 + turn * (int(held > 0.0) - int(held < 0.0))
            earned = _reward(position, action, step[MOVE], step[COST], unit)
            error = earned + discount * _worth(values, table, follow, holding) - values[table, row, position, action]
            values[table, row, position, action] += rate * error
            errors += abs(error)
            count += 1
    return errors / count


@kernel
def _tally(memory: Floats, block: int, sums: Floats, leasts: Floats) -> None:
    """Sum the priorities of a block of the memory, and find the least that is not 0."""
    total = 0.0
    least = math.inf
    for k in range(block * _BLOCK, min((block + 1) * _BLOCK, len(memory))):
        priority = memory[k, PRIORITY]
        total += priority
        if priority > 0.0:
            least = min(least, priority)
    sums[block] = total
    leasts[block] = least


@kernel
def _pick(memory: Floats, sums: Floats, share: float) -> int:
    """Return the transition at ``share`` of the sum of all priorities, -1 where that is 0."""
    total = 0.0
    last = 0
    for block in range(len(sums)):
        if sums[block] > 0.0:
            total += sums[block]
            last = block
    left = share * total
    block = 0
    while block < last and left > sums[block]:
        left -= sums[block]
        block += 1
    chosen = -1
    for k in range(block * _BLOCK, min((block + 1) * _BLOCK, len(memory))):
        if memory[k, PRIORITY] > 0.0:
            chosen = k
            left -= memory[k, PRIORITY]
            if left <= 0.0:
                break
    return chosen


@kernel
def _replay(
    values: Floats, memory: Floats, chance: Ints, draws: int, unit: float, discount: float, rate: float
) -> None:
    blocks = (len(memory) + _BLOCK - 1) // _BLOCK
    sums, leasts = np.empty(blocks), np.empty(blocks)
    for block in range(blocks):
        _tally(memory, block, sums, leasts)
    for _ in range(draws):
        least = leasts.min()
        if least == math.inf:
            return
        chosen = _pick(memory, sums, _draw(chance))
        # (N P)^-b over the largest such weight, that of the least likely: N and the total cancel.
        weight = (least / memory[chosen, PRIORITY]) ** _IMPORTANCE_EXPONENT
        table = int(_draw(chance) < 0.5)
        error = _sweep(values, table, memory[chosen], unit, discount, rate * weight)
        memory[chosen, PRIORITY] = (error + _LEAST_ERROR) ** _PRIORITY_EXPONENT
        _tally(memory, chosen // _BLOCK, sums, leasts)


@kernel
def _cut(trace: Floats) -> None:
    for k in range(len(trace)):
        trace[k, 3] = 0.0


@kernel
def _settle(
    values: Floats, trace: Floats, memory: Floats, chance: Ints, place: int,
    row: int, position: int, action: int, move: float, cost: float, follow: int, turn: int, taken: int,
    draws: int, unit: float, discount: float, fading: float, rate: float,
) -> None:  # fmt: skip
    held = HOLDINGS[position, action]
    holding = int(held > 0.0) - int(held < 0.0)
    if action != _greedy(values, 2, row, position):
        _cut(trace)
    earned = _reward(position, action, move, cost, unit)
    table = int(_draw(chance) < 0.5)
    _follow(values, trace, row, position, action, earned, follow, 1 + holding * turn, table, discount, fading, rate)
    if holding != taken:
        _cut(trace)
    priority = 0.0
    memory[place, PRIORITY] = 0.0
    for k in range(len(memory)):
        priority = max(priority, memory[k, PRIORITY])
    memory[place, ROW] = row
    memory[place, FOLLOW] = follow
    memory[place, TURN] = turn
    memory[place, MOVE] = move
    memory[place, COST] = cost
    memory[place, PRIORITY] = priority if priority > 0.0 else 1.0
    _replay(values, memory, chance, draws, unit, discount, rate)
