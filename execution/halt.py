"""The halt: from risk's word to a book that the broker itself says is flat. Pure; the desk does what it asks for.

It goes by the broker's own account, never by what was asked of it: cancels are asked for again until the account shows
no order, positions are closed in the size that the account holds, and ``flat`` is said only where account, book and
every order ever sent agree that nothing is left. While the account is silent nothing is sent and nothing is flat.

Units that the broker holds and the book does not know, once that has stood for a bar, are closed too, by an order of
their own that is not booked: they were never this firm's, and neither is what they bring.
"""

from decimal import Decimal
from typing import Any, Final

from bus.messages import HaltStage, HaltStatus, Order
from execution.apart import Apart
from execution.broker import Account
from execution.flattener import Flattener
from execution.flattening import Sight, Step
from execution.money import ZERO, as_text

ASKS_BEFORE_ALERT: Final = 10
"""Bars in which one order was asked to be cancelled before a person is told that it does not go."""
_SHOWN: Final = 5


class Halt:
    """One halt after another; ``stage`` is how far the present one has come.

    Parameters
    ----------
    collar
        How far from the last close a flattening order may fill, as a fraction of that close.
    """

    def __init__(self, collar: Decimal) -> None:
        self.stage = HaltStage.NONE
        self.number = 0
        self.reason = ""
        self.detail = ""
        self._flattener = Flattener(collar)
        self._asked: dict[str, int] = {}
        self._asked_at: tuple[str, int] | None = None
        self._apart = Apart()
        self._told: list[str] = []
        self._status: HaltStatus | None = None

    @property
    def is_on(self) -> bool:
        """Whether the firm is halted: no order may begin."""
        return self.stage is not HaltStage.NONE

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to look after: not halted, and no flattening order is left of a halt."""
        return not self.is_on and not self._flattener.orders

    @property
    def status(self) -> HaltStatus | None:
        """What was said last."""
        return self._status

    def is_foreign(self, order_id: str) -> bool:
        """Tell whether an order closes what the book never held: its fills are reported, and not booked."""
        return self._flattener.is_foreign(order_id)

    def begin(self, number: int, reason: str, sight: Sight) -> Step:
        """Halt: give every position of the book the order that will close it, and take the first look.

        The orders are accepted at once, so that whoever awaits them goes on; they are sent when nothing else rests.
        """
        self.number, self.reason = number, reason
        if self.is_on:
            return self.look(sight)
        self.stage = HaltStage.CANCELLING
        self._told, self._asked, self._asked_at = [], {}, None
        held = {symbol: units for symbol, units in sight.booked.items() if units and symbol in sight.marks}
        opened = [self._flattener.open(symbol, units, sight) for symbol, units in held.items()]
        step = self.look(sight)
        return step._replace(opened=(*opened, *step.opened))

    def end(self, sight: Sight) -> Step:
        """Let the firm trade again; what was to be flattened and is not yet is kept."""
        if not self.is_on:
            return Step()
        self.stage, self.detail = HaltStage.NONE, "resumed"
        step = self.look(sight)
        return step._replace(status=self._changed(sight))

    def look(self, sight: Sight) -> Step:
        """Compare the broker's word with what is wanted, and say what to do about it."""
        if self.is_done:
            return Step()
        flattener, account = self._flattener, sight.account
        closed = flattener.forget_ended(sight)
        if not self.is_on:
            unsent, withdrawn = flattener.give_up()
            return Step(withdrawn=tuple(withdrawn), closed=(*closed, *unsent))
        if account is None:
            return self._wait_blind(sight, closed)
        self._apart.take(sight)
        strangers = flattener.strangers(sight, account)
        withdrawn, sent = flattener.tend(sight, account)
        opened: list[Order] = []
        if not strangers:
            closed += flattener.drop_needless(account)
            opened = flattener.cover(sight, account, self._apart)
            sent += flattener.send(sight, account)
        alerts = self._describe(sight, account, strangers)
        asked = (*strangers, *withdrawn)
        return Step(tuple(opened), asked, tuple(sent), tuple(closed), self._changed(sight), tuple(alerts))

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "stage": self.stage.value,
            "number": self.number,
            "reason": self.reason,
            "detail": self.detail,
            "flattener": self._flattener.snapshot(),
            "asked": dict(self._asked),
            "asked_at": None if self._asked_at is None else list(self._asked_at),
            "apart": self._apart.snapshot(),
            "told": list(self._told),
            "status": self._status,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.stage = HaltStage(state["stage"])
        self.number = state["number"]
        self.reason = state["reason"]
        self.detail = state["detail"]
        self._flattener.restore(state["flattener"])
        self._asked = dict(state["asked"])
        self._asked_at = None if state["asked_at"] is None else tuple(state["asked_at"])
        self._apart.restore(state["apart"])
        self._told = list(state["told"])
        self._status = state["status"]

    def _wait_blind(self, sight: Sight, closed: list[str]) -> Step:
        """Ask for cancels all the same, send nothing, and be flat no longer."""
        if self.stage is HaltStage.FLAT:
            self.stage = HaltStage.CANCELLING
        self.detail = "the broker gives no word of its account: what rests and what is held there is not known"
        mine = {each.client_order_id for each in self._flattener.orders}
        asked = tuple(name for name in sight.live if name not in mine)
        alerts = self._once("silent", f"{self.detail}; see to the broker by hand")
        return Step(withdrawn=asked, closed=tuple(closed), status=self._changed(sight), alerts=tuple(alerts))

    def _describe(self, sight: Sight, account: Account, strangers: list[str]) -> list[str]:
        """Settle stage and detail; return what a person must be told."""
        held = {symbol: units for symbol, units in sorted(account.positions.items()) if units}
        unpriced = [symbol for symbol in held if symbol not in sight.marks]
        apart = self._apart.units
        before, self.stage = self.stage, _stage(bool(strangers), bool(held or self._flattener.orders or apart))
        alerts = self._stubborn(sight, strangers)
        words = [f"{_listed(strangers)} at the broker, asked to be cancelled"] if strangers else []
        if held:
            words.append(f"held: {_listed([f'{as_text(units)} {symbol}' for symbol, units in held.items()])}")
        for symbol in unpriced:
            words.append(f"no price of {symbol} is known: close it at the broker by hand")
            alerts += self._once(f"price {symbol}", words[-1])
        for symbol in apart:
            ours, theirs = sight.booked.get(symbol, ZERO), held.get(symbol, ZERO)
            words.append(f"{symbol}: the book says {as_text(ours)} units, the broker {as_text(theirs)}")
            alerts += self._once(f"apart {symbol}", f"{words[-1]}; compare their fills")
        unheard = [each.client_order_id for each in self._flattener.orders]
        if unheard and not held:
            words.append(f"the end of {_listed(unheard)} is not heard of yet")
        self.detail = "; ".join(words) or "no order rests and nothing is held"
        is_taken_back = before is HaltStage.FLAT and self.stage is not before
        return [*([f"halt {self.number}: no longer flat: {self.detail}"] if is_taken_back else []), *alerts]

    def _stubborn(self, sight: Sight, strangers: list[str]) -> list[str]:
        """Count the bars in which each order was asked to be cancelled, and tell of those that do not go."""
        if sight.last == self._asked_at:
            return []
        self._asked_at = sight.last
        self._asked = {name: self._asked.get(name, 0) + 1 for name in strangers}
        often = [name for name, times in self._asked.items() if times == ASKS_BEFORE_ALERT]
        return [
            f"halt {self.number}: {name} was asked to be cancelled for {ASKS_BEFORE_ALERT} bars, and is not"
            for name in often
        ]

    def _once(self, key: str, text: str) -> list[str]:
        """Return the text as the one alert of its kind in this halt; nothing if it was told."""
        if key in self._told:
            return []
        self._told.append(key)
        return [f"halt {self.number}: {text}"]

    def _changed(self, sight: Sight) -> HaltStatus | None:
        """Return the status if it is not the one said last."""
        account = sight.account
        held = sight.booked if account is None else account.positions
        status = HaltStatus(
            halt=self.number,
            stage=self.stage,
            working=len(sight.live) if account is None else len(account.working),
            positions=tuple((symbol, units) for symbol, units in sorted(held.items()) if units),
            reason=self.reason,
            detail=self.detail,
        )
        if status == self._status:
            return None
        self._status = status
        return status


def _stage(is_cancelling: bool, is_open: bool) -> HaltStage:
    if is_cancelling:
        return HaltStage.CANCELLING
    return HaltStage.FLATTENING if is_open else HaltStage.FLAT


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
