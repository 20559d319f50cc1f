"""The record of binary markets on factors: how a round settles all of them, and the log odds of their shares.

A record has four rows, one column a market: what went with a factor A, what went against it O, and what the prior had
expected of both, E and F. Each settled round is discounted, and adds its stake. With d / 2 added to each number, the
log odds of a share against the prior's are ln A - ln O - (ln E - ln F).
"""

import math

from kernels.arrays import Bools, Floats, Ints
from kernels.jit import kernel

ROWS = 4


def evidence(record: Floats, half_doubt: float, factors: Floats, places: Ints, out: Floats) -> None:
    """Write each factor times the log odds of its share to its place in ``out``.

    Parameters
    ----------
    record
        Shape (4, n), not negative.
    half_doubt
        Rounds that each side begins with, positive.
    factors
        In [-1, 1], shape (n,).
    places
        Where in ``out`` each factor's number goes, shape (n,).
    out
        Changed in place; the other places stay as they are.
    """
    _check(record, factors)
    if places.shape != factors.shape or not half_doubt > 0.0:
        raise ValueError(f"places {places.shape}, doubt {half_doubt}: expected {factors.shape} and one above 0")
    if not _evidence(record, half_doubt, factors, places, out):
        raise ValueError(f"places {places.tolist()} of {len(out)}: expected each from 0 to {len(out) - 1}")


def settle(
    record: Floats, factors: Floats, directional: Bools, down: float, up: float, direction: int,
    *, weight: float, kept: float,
) -> None:  # fmt: skip
    """Discount a record and add a round.

    Parameters
    ----------
    record
        Shape (4, n), changed in place.
    factors, directional
        In [-1, 1], and which of them flip in a mirror, shape (n,).
    down, up
        What the prior gave to both sides.
    direction
        What happened: -1, 0 or 1 for down, flat or up.
    weight, kept
        Of the round, and what the rounds before keep; not negative.
    """
    _check(record, factors)
    if directional.shape != factors.shape or direction not in (-1, 0, 1) or not (weight >= 0.0 and kept >= 0.0):
        raise ValueError(
            f"directional {directional.shape}, direction {direction}, weight {weight}, kept {kept}: expected "
            f"{factors.shape}, one of -1, 0, 1, and none below 0"
        )
    _settle(record, factors, directional, down, up, direction, weight, kept)


def _check(record: Floats, factors: Floats) -> None:
    if factors.ndim != 1 or record.shape != (ROWS, len(factors)):
        raise ValueError(f"record {record.shape}, factors {factors.shape}: expected ({ROWS}, n) and (n,)")


@kernel
def _evidence(record: Floats, half_doubt: float, factors: Floats, places: Ints, out: Floats) -> bool:
    for i in range(len(factors)):
        if not 0 <= places[i] < len(out):
            return False
        own = math.log(record[0, i] + half_doubt) - math.log(record[1, i] + half_doubt)
        expected = math.log(record[2, i] + half_doubt) - math.log(record[3, i] + half_doubt)
        out[places[i]] = factors[i] * (own - expected)
    return True


@kernel
def _settle(
    record: Floats, factors: Floats, directional: Bools, down: float, up: float, direction: int,
    weight: float, kept: float,
) -> None:  # fmt: skip
    moving = down + up
    upward = up / moving if moving > 0.0 else 0.5
    for i in range(len(factors)):
        is_high = factors[i] > 0.0
        stake = weight * abs(factors[i])
        if directional[i]:
            chance = upward if is_high else 1.0 - upward
            agreed = direction == (1 if is_high else -1)
            if direction == 0:
                stake = 0.0
        else:
            chance = moving if is_high else 1.0 - moving
            agreed = is_high == (direction != 0)
        record[0, i] = record[0, i] * kept + (stake if agreed else 0.0)
        record[1, i] = record[1, i] * kept + (0.0 if agreed else stake)
        record[2, i] = record[2, i] * kept + stake * chance
        record[3, i] = record[3, i] * kept + stake * (1.0 - chance)
