"""The [pads] table of firm.toml."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from bus.config import AgentEntry, Config
from bus.errors import ConfigError
from bus.message import Name
from bus.messages import Phase

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Decay = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]


class Stake(Config):
    """A seat's place on the board: the label of the member it plays, and its initial weight."""

    member: Name
    weight: Positive


class PhaseTable(Config):
    """One number for each phase of the adaptive cycle."""

    growth: Fraction
    conservation: Fraction
    release: Fraction
    reorganization: Fraction

    def of(self, phase: Phase) -> float:
        """Return the number of ``phase``."""
        value: float = getattr(self, phase.value)
        return value


class PhaseConfig(Config):
    """The [pads.phase] table: what puts a market in release, and what each phase asks for.

    Release is when volatility ranks at ``release_rank`` or above among its last ``window`` values, once it has
    ``min_history`` of them. ``conviction`` is what a side's share of p_up + p_down must exceed before exposure to it
    opens or grows; ``appetite`` scales positions.
    """

    window: int = Field(250, ge=20)
    min_history: int = Field(60, ge=10)
    release_rank: Fraction = 0.90
    conviction: PhaseTable = PhaseTable(growth=0.55, conservation=0.65, release=0.75, reorganization=0.60)
    appetite: PhaseTable = PhaseTable(growth=0.7, conservation=0.5, release=0.3, reorganization=0.6)


class AlertConfig(Config):
    """The [pads.alert] table: what an alert above ``severity`` does.

    It cuts open positions, ``cut`` being the share that goes, and multiplies the appetite by ``factor``. The appetite
    recovers by ``recovery`` a bar and never falls below ``floor``.
    """

    severity: Fraction = 0.8
    factor: Fraction = 0.8
    floor: Fraction = 0.1
    recovery: Fraction = 0.02
    cut: Fraction = 0.5


class SizingConfig(Config):
    """The [pads.sizing] table: from the board's price to a position.

    ``cost_bps`` is what trading one side costs, in basis points of its value; ``max_position_fraction`` and
    ``min_trade_fraction`` are fractions of equity; ``lot`` is the step of quantities in units.
    """

    kelly_fraction: Positive = 0.25
    cost_bps: float = Field(5.0, ge=0.0)
    max_position_fraction: Positive = 0.08
    min_trade_fraction: Fraction = 0.005
    allow_short: bool = True
    lot: Annotated[Decimal, Field(gt=0)] = Decimal("0.0001")


class HedgeConfig(Config):
    """The [pads.hedge] table: when a kept position is hedged, and what counts as correlated enough.

    A hedge needs the release phase or an alert above ``severity``, and another instrument whose returns have a
    correlation of at least ``min_correlation`` over ``min_returns`` common bars or more, weighted by ``decay``.
    """

    severity: Fraction = 0.5
    min_correlation: Fraction = 0.5
    min_returns: int = Field(30, ge=3)
    decay: Decay = 0.97


class PadsConfig(Config):
    """The [pads] table.

    ``stakes`` names the seats: a line ``NAME = { member = "LABEL", weight = W }`` lets an agent join. All weights are
    normalised to sum to 1 with those of ``consensus`` and ``adaptability``, the members inside PADS. ``horizon`` is in
    bars; ``kappa`` is the band in volatilities; ``alpha`` is the share of weight that returns to its initial place at
    each settlement; ``prior_discount`` is how much of the count of outcomes survives the next outcome. An order that
    no gate and no broker answers within ``answer_timeout_s`` is no longer waited for.
    """

    stakes: dict[Name, Stake] = Field(
        default_factory=lambda: {
            "qbmia": Stake(member="qar", weight=0.30),
            "quasar": Stake(member="qstar", weight=0.25),
            "quantum_amos": Stake(member="antifragility", weight=0.20),
        },
        min_length=1,
    )
    consensus_weight: Positive = 0.15
    adaptability_weight: Positive = 0.10
    quorum: int = Field(2, ge=1)
    decision_timeout_s: Positive = 3.0
    answer_timeout_s: Positive = 30.0
    horizon: int = Field(5, ge=1)
    kappa: Positive = 0.5
    volatility_decay: Decay = 0.94
    volatility_min_returns: int = Field(20, ge=2)
    prior_discount: Annotated[float, Field(gt=0.0, le=1.0)] = 0.998
    liquidity: Positive = 100.0
    alpha: Fraction = 0.01
    phase: PhaseConfig = PhaseConfig()
    alert: AlertConfig = AlertConfig()
    sizing: SizingConfig = SizingConfig()
    hedge: HedgeConfig = HedgeConfig()

    @model_validator(mode="after")
    def _seats_fit(self) -> Self:
        if self.quorum > len(self.stakes):
            raise ValueError(f"quorum {self.quorum} exceeds the {len(self.stakes)} seats of pads.stakes")
        labels = [stake.member for stake in self.stakes.values()]
        taken = sorted(label for label in RESERVED_MEMBERS if label in labels)
        if taken or len(set(labels)) != len(labels):
            raise ValueError(
                f"member labels {labels} of pads.stakes must differ, also from {', '.join(RESERVED_MEMBERS)}"
            )
        return self


CONSENSUS: Final = "consensus"
ADAPTABILITY: Final = "adaptability"
MARKET_MAKER: Final = "market_maker"
RESERVED_MEMBERS: Final = (CONSENSUS, ADAPTABILITY, MARKET_MAKER)
_SEAT: Final = "seat"


def seated(config: PadsConfig, agents: Mapping[str, AgentEntry]) -> PadsConfig:
    """Leave out the stakes of agents that the process list switches off.

    Raises
    ------
    ConfigError
        A stake without an agent, a seat without a stake, or fewer seats than the quorum.
    """
    unknown = [name for name in config.stakes if name not in agents]
    if unknown:
        raise ConfigError(f"pads.stakes names {unknown[0]}, which has no [agents.{unknown[0]}] in the process list")
    idle = [
        name for name, entry in agents.items() if entry.role == _SEAT and entry.enabled and name not in config.stakes
    ]
    if idle:
        raise ConfigError(
            f'agents.{idle[0]} is a seat without a stake: add {idle[0]} = {{ member = "LABEL", weight = W }} to '
            f"[pads.stakes], or disable it"
        )
    stakes = {name: stake for name, stake in config.stakes.items() if agents[name].enabled}
    if len(stakes) < config.quorum:
        raise ConfigError(f"pads.quorum = {config.quorum}, but only {len(stakes)} of the seats are enabled")
    return config.model_copy(update={"stakes": stakes})
