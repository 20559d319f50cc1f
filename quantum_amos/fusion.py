"""Where belief and intention meet: a circuit of two qubits, simulated exactly, whose measurement is an action.

One qubit is a long leg, the other a short leg, each empty or held: |00> is HOLD, |10> leans up, |01> leans down, and
|11> is both at once, which is a hedge. With signal s in [-1, 1], certainty c in [0, 1] and pushes x, y in [0, 1] of the
intention for either leg, the angles are

    Omega = (pi/2) c        eta = (pi/4)(1 - s)        iota = (pi/2) c x        kappa = (pi/2) c y

and the gates RY(Omega) on the long leg, RY(2 eta) on the short leg where the long one is held, CNOT on the long leg
where the short one is held, which entangle the legs so that a belief holds one of them and never both,

    cos(Omega/2) |00> + sin(Omega/2) (cos eta |10> + sin eta |01>),

then RY(iota) and RY(kappa) on the legs, by which the intention turns the same qubits further. Where both argue for the
same leg their angles add up, so its probability grows faster than that of two separate causes; where they argue for
different ones, |11> appears. A belief alone reaches P(HOLD) = 1/2 at the least, so neither belief nor intention alone
leaves HOLD. Without evidence, c = 0, the state is |00>: P(HOLD) = 1, the most there is. The mirrored signal, with the
pushes exchanged, exchanges the legs, so the lean P(10) - P(01) is odd.

Without the quantum part each leg has two independent causes that cannot interfere (a noisy or, Pearl 1988): the belief
holds it with the probability it has after the first three gates, and the intention fills an empty leg with probability
sin^2(iota/2) or sin^2(kappa/2).

That beliefs and acts are the two qubits of a decision follows Pothos and Busemeyer 2009; gates and angles are ours.
"""

import math
from typing import NamedTuple

from kernels.legs import measured


class Push(NamedTuple):
    """How strongly the intention argues for the long and for the short leg, each in [0, 1]."""

    long: float
    short: float


class Legs(NamedTuple):
    """Probabilities that no leg, the long one, the short one or both are held; they sum to 1."""

    none: float
    long: float
    short: float
    both: float

    @property
    def lean(self) -> float:
        """P(10) - P(01), in [-1, 1]."""
        return self.long - self.short


def fuse(signal: float, certainty: float, push: Push, *, is_quantum: bool) -> Legs:
    """Return what measuring the legs would give.

    Parameters
    ----------
    signal
        Direction of the belief, in [-1, 1].
    certainty
        How far it rests on evidence, in [0, 1].
    is_quantum
        Whether amplitudes interfere; otherwise the causes are independent.

    Raises
    ------
    ValueError
        A number out of its range.
    """
    is_pushed = 0.0 <= push.long <= 1.0 and 0.0 <= push.short <= 1.0
    if not (-1.0 <= signal <= 1.0 and 0.0 <= certainty <= 1.0 and is_pushed):
        raise ValueError(f"signal {signal}, certainty {certainty}, {push}: expected [-1, 1] and [0, 1]")
    action = 0.5 * math.pi * certainty
    side = 0.25 * math.pi * (1.0 - signal)
    if not is_quantum:
        return _independent(action, side, action * push.long, action * push.short)
    none, short, long, both = measured(action, 2.0 * side, action * push.long, action * push.short)
    return Legs(none, long, short, both)


def _independent(action: float, side: float, longward: float, shortward: float) -> Legs:
    acted = math.sin(0.5 * action) ** 2
    long, short, none = acted * math.cos(side) ** 2, acted * math.sin(side) ** 2, math.cos(0.5 * action) ** 2
    fills_long, fills_short = math.sin(0.5 * longward) ** 2, math.sin(0.5 * shortward) ** 2
    return Legs(
        none=none * (1.0 - fills_long) * (1.0 - fills_short),
        long=(long + none * fills_long) * (1.0 - fills_short),
        short=(short + none * fills_short) * (1.0 - fills_long),
        both=none * fills_long * fills_short + (long * fills_short + short * fills_long),
    )
