"""Whether book and broker agree, and what follows while they do not.

The broker's account is compared with the book after every bar. While they differ, or the broker gives no account, no
new order leaves. A difference that has not been explained after some bars stops all new orders until an operator has
seen to it: a halt and a resume after it began, and an account that then agrees. Nothing is ever booked to make the two
agree but a fill that the broker reported and whose units its account holds.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any, Final, NamedTuple

from execution.broker import Account, BrokerEvent
from execution.money import EXACT, ZERO, as_text

_SHOWN: Final = 3
_MOST_STRAYS: Final = 12


class Stray(NamedTuple):
    """A fill that the order machine could not take, why, and its units with their sign."""

    event: BrokerEvent
    why: str
    symbol: str
    signed: Decimal


class Judged(NamedTuple):
    """What becomes of stray fills: the account holds the units of ``booked`` and not those of ``refused``."""

    booked: tuple[Stray, ...] = ()
    refused: tuple[Stray, ...] = ()


class Auditor:
    """The agreement of book and broker.

    ``doubt`` says what is not explained at this moment, ``stopped`` what was not for more than ``patience`` bars; both
    are empty when all is well.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self.doubt = ""
        self.stopped = ""
        self._bars = 0
        self.strays: list[Stray] = []

    @property
    def is_clear(self) -> bool:
        """Whether new orders may leave."""
        return not (self.doubt or self.stopped)

    def judge(self, account: Account | None, booked: Mapping[str, Decimal]) -> Judged:
        """Rule on the stray fills by the broker's own account; without one they wait."""
        if account is None or not self.strays:
            return Judged()
        taken: list[Stray] = []
        refused: list[Stray] = []
        left: list[Stray] = []
        for symbol in dict.fromkeys(stray.symbol for stray in self.strays):
            strays = [stray for stray in self.strays if stray.symbol == symbol]
            apart = EXACT.subtract(account.positions.get(symbol, ZERO), booked.get(symbol, ZERO))
            real = _explaining(strays, apart) if symbol or not apart else None
            if real is None:
                left += strays
                continue
            taken += real
            refused += [stray for stray in strays if stray not in real]
        self.strays = left
        return Judged(tuple(taken), tuple(refused))

    def compare(self, account: Account | None, booked: Mapping[str, Decimal], strangers: Sequence[str]) -> list[str]:
        """Compare positions; ``strangers`` rest there and should not. Return what a person must now be told."""
        doubt = _difference(account, booked, strangers)
        before, self.doubt = self.doubt, doubt
        if not doubt:
            self._bars = 0
            return [f"book and broker agree again: {before}"] if before else []
        # Silence holds orders up as long as it lasts; that nobody can read the account says nothing against the book.
        self._bars += account is not None
        if self._bars > self._patience and not self.stopped:
            return self.stop(doubt)
        return [] if before else [f"no new order leaves for now: {doubt}"]

    def stop(self, why: str) -> list[str]:
        """Let no new order leave until an operator has seen to it; return what to tell."""
        if self.stopped:
            return []
        self.stopped = why
        return [f"no new order leaves until a halt and a resume: {why}; bring the broker's account to the book's first"]

    def release(self) -> bool:
        """Let orders leave again after an operator's resume, if all agrees; return whether they may."""
        if self.doubt:
            return False
        self.stopped = ""
        return True

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        strays = [[stray.event.snapshot(), stray.why, stray.symbol, stray.signed] for stray in self.strays]
        return [self.doubt, self.stopped, self._bars, strays]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.doubt, self.stopped, self._bars = state[:3]
        self.strays = [Stray(BrokerEvent.restored(event), *rest) for event, *rest in state[3]]


def _explaining(strays: Sequence[Stray], apart: Decimal) -> list[Stray] | None:
    """Return the fills whose units are what the account has more; None unless that can only be these."""
    if len(strays) > _MOST_STRAYS:
        return None
    found = [
        list(some)
        for size in range(len(strays) + 1)
        for some in combinations(strays, size)
        if sum((stray.signed for stray in some), ZERO) == apart
    ]
    return found[0] if len(found) == 1 else None


def _difference(account: Account | None, booked: Mapping[str, Decimal], strangers: Sequence[str]) -> str:
    if account is None:
        return "the broker gives no account of what rests and what is held"
    if account.positions != booked:
        symbols = dict.fromkeys((*account.positions, *booked))
        apart = [
            f"{symbol}: the book holds {as_text(booked.get(symbol, ZERO))} units, the broker "
            f"{as_text(account.positions.get(symbol, ZERO))}"
            for symbol in symbols
            if account.positions.get(symbol, ZERO) != booked.get(symbol, ZERO)
        ]
        if apart:
            return "; ".join(apart[:_SHOWN])
    return f"orders rest that are not ours: {', '.join(strangers[:_SHOWN])}" if strangers else ""
