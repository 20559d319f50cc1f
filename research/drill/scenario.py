"""What the broker does in each part of a drill."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from bus.messages import HaltStage
from execution.faulty import Fault

_NOTHING: Final[Mapping[Fault, float]] = MappingProxyType({})


class Scenario(NamedTuple):
    """One halt: what fails and how often from a moment before it on, and whether the firm can become flat at all.

    ``ends_flat`` is None where chance decides. ``is_restarted`` restarts execution from its snapshot once in each
    stage; ``is_mended`` ends the faults with the command to halt.
    """

    name: str
    what: str
    faults: Mapping[Fault, float] = _NOTHING
    ends_flat: bool | None = True
    is_restarted: bool = False
    is_mended: bool = False


SCENARIOS: Final = (
    Scenario("sound", "nothing"),
    Scenario("restarts", "nothing, but execution is restarted in each stage", is_restarted=True),
    Scenario("lost cancels", "two of three requests to cancel are lost", {Fault.LOST_CANCEL: 0.67}),
    Scenario("no cancels", "every request to cancel is lost", {Fault.LOST_CANCEL: 1.0}),
    Scenario("silent for a while", "the account and the events stop and come back", {Fault.SILENCE: 0.25}),
    Scenario("silent for good", "the account and the events stop", {Fault.SILENCE: 1.0}, ends_flat=False),
    Scenario("fills after cancel", "cancels are confirmed before they are done", {Fault.FILL_AFTER_CANCEL: 1.0}),
    Scenario("late orders", "every order arrives a bar late", {Fault.DELAY: 1.0}),
    Scenario("repeats", "every event is told twice", {Fault.ECHO: 1.0}),
    Scenario("refusals", "half of the orders are refused", {Fault.REFUSAL: 0.5}),
    Scenario(
        "unknown position",
        "units that nobody bought are there when the halt begins",
        {Fault.PHANTOM: 1.0},
        ends_flat=None,
        is_mended=True,
    ),
    Scenario("unknown fills", "fills of orders that nobody sent are told", {Fault.STRANGER: 0.5}),
    Scenario(
        "everything",
        "each of these in one of ten cases, and restarts",
        dict.fromkeys(Fault, 0.1),
        ends_flat=None,
        is_restarted=True,
    ),
)


class Claim(NamedTuple):
    """What execution said at one moment of a halt, and what was true at the venue then.

    ``bars`` counts the bars since the halt, ``market_s`` and ``wall_s`` the seconds since then in the market's time and
    on this machine; ``working`` and ``positions`` are those of the status, the true ones those of the venue.
    """

    stage: HaltStage
    bars: int
    market_s: float
    wall_s: float
    working: int
    positions: tuple[tuple[str, str], ...]
    true_working: tuple[str, ...]
    true_positions: tuple[tuple[str, str], ...]
    detail: str

    @property
    def is_false(self) -> bool:
        """Whether flat was said while an order rested or a position remained."""
        return self.stage is HaltStage.FLAT and bool(self.true_working or self.true_positions)


class Outcome(NamedTuple):
    """How one part of a drill went; ``trades_again`` is None where it was not resumed."""

    scenario: Scenario
    orders: int
    positions: int
    claims: tuple[Claim, ...]
    alerts: tuple[str, ...]
    restarts: int
    trades_again: bool | None

    @property
    def is_flat(self) -> bool:
        """Whether the last word was flat."""
        return bool(self.claims) and self.claims[-1].stage is HaltStage.FLAT

    @property
    def false_claims(self) -> int:
        """How often flat was said and was not true."""
        return sum(claim.is_false for claim in self.claims)

    @property
    def complaint(self) -> str:
        """What went wrong, in words; empty where all is well."""
        if self.false_claims:
            return f"flat was said {self.false_claims} times while an order rested or a position remained"
        if self.scenario.ends_flat and not self.is_flat:
            return "the broker could be brought to be flat, and the firm did not bring it there"
        if self.is_flat and self.scenario.ends_flat is False:
            return "flat was said of a broker that gives no word"
        if self.trades_again is False:
            return "after the resume it did not trade again"
        return ""
