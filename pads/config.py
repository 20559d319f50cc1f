"""The [pads] table of firm.toml."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from bus.config import AgentEntry, Config
from bus.errors import ConfigError
from bus.message import Name
from bus.messages import Phase
from kernels.extreme import LEAST_PEAKS

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Decay = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
SCALES: Final = ("fast", "meso", "slow")
"""Names of the scales of the panarchy, in order."""


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
    """The [pads.phase] table: what each phase asks for.

    ``conviction`` is what a side's share of p_up + p_down must exceed before exposure to it opens or grows;
    ``appetite`` scales positions.
    """

    conviction: PhaseTable = PhaseTable(growth=0.55, conservation=0.65, release=0.75, reorganization=0.60)
    appetite: PhaseTable = PhaseTable(growth=0.7, conservation=0.5, release=0.3, reorganization=0.6)


class PanarchyConfig(Config):
    """The [pads.panarchy] table: how phases are told; see ``pads.panarchy`` for the formulas.

    ``fast``, ``meso`` and ``slow`` are the windows of the three scales in bars, ``scale`` the one that is acted on.
    ``history`` is how many values of volatility, and of connectedness, today's is ranked among, ``min_history`` the
    fewest that give a rank.
    """

    fast: int = Field(20, ge=3)
    meso: int = Field(60, ge=3)
    slow: int = Field(250, ge=3)
    scale: Literal["fast", "meso", "slow"] = "meso"
    history: int = Field(1250, ge=10)
    min_history: int = Field(60, ge=2)
    connectedness: Literal["rank", "level"] = "rank"
    least_score: Fraction = 0.35
    margin: Fraction = 0.10
    revolt: NotNegative = 1.0
    remember: Fraction = 0.25

    @property
    def windows(self) -> tuple[int, int, int]:
        """Windows of the scales, fast to slow."""
        return self.fast, self.meso, self.slow

    @model_validator(mode="after")
    def _scales_fit(self) -> Self:
        if not self.fast < self.meso < self.slow:
            raise ValueError(f"windows {self.windows} of pads.panarchy must grow from fast to slow")
        if self.min_history > self.history:
            raise ValueError(f"pads.panarchy: min_history {self.min_history} exceeds history {self.history}")
        return self


class StyleConfig(Config):
    """A style: how boldly the board's price becomes a position.

    ``kelly``, ``position`` and ``band`` multiply Kelly's fraction, the largest position and the width of the no-trade
    band of [pads.sizing]; ``conviction`` is added to what the phase asks for.
    """

    kelly: Positive
    conviction: float = Field(ge=-0.5, le=0.5)
    position: Fraction
    band: NotNegative


class StylesConfig(Config):
    """The [pads.styles] table: the styles, and what the board must have shown to trade in each.

    The record is the discounted mean of the board's log score over the prior's, in nats a round: ``decay`` weighs the
    past in it, and fewer than ``min_rounds`` settled rounds have none. It is good once above ``good`` and poor once
    below ``poor``, and stops being either only beyond zero. A bolder style comes into force once it has been due for
    ``patience`` bars in a row, a more cautious one at once.
    """

    cautious: StyleConfig = StyleConfig(kelly=0.5, conviction=0.05, position=0.5, band=2.0)
    balanced: StyleConfig = StyleConfig(kelly=1.0, conviction=0.0, position=1.0, band=1.0)
    bold: StyleConfig = StyleConfig(kelly=1.5, conviction=-0.02, position=1.0, band=0.75)
    decay: Decay = 0.98
    min_rounds: int = Field(50, ge=1)
    good: NotNegative = 0.01
    poor: float = Field(-0.01, le=0.0)
    patience: int = Field(5, ge=1)


class SwanConfig(Config):
    """The [pads.swan] table: when a move is a black swan.

    It is one against the position that earlier returns, the last ``window`` of them and no fewer than ``min_returns``,
    give a smaller probability than ``probability``; the worst ``tail`` of them tell how losses thin out.
    """

    probability: Fraction = 0.0005
    window: int = Field(500, ge=20)
    min_returns: int = Field(250, ge=20)
    tail: float = Field(0.1, gt=0.0, le=0.5)

    @model_validator(mode="after")
    def _sample_fits(self) -> Self:
        if self.min_returns > self.window:
            raise ValueError(f"pads.swan: min_returns {self.min_returns} exceeds window {self.window}")
        if int(self.min_returns * self.tail) < LEAST_PEAKS:
            raise ValueError(
                f"pads.swan: a tail of {self.tail} of {self.min_returns} returns has fewer than {LEAST_PEAKS}"
            )
        return self


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


class CareConfig(Config):
    """The [pads.care] table: how a position is guarded; see ``pads.care`` for the formulas.

    A position that opens or grows may lose ``risk_per_trade`` of equity at its stop. Its risk is graded medium from
    ``medium`` and high from ``high`` on; high closes it, as its stop does, and then nothing is opened on that side for
    ``rest_bars`` bars. ``enabled`` = false leaves positions to the vote and the other overrides.
    """

    enabled: bool = True
    risk_per_trade: Annotated[float, Field(gt=0.0, le=1.0)] = 0.01
    medium: Annotated[float, Field(gt=0.0, le=1.0)] = 0.40
    high: Annotated[float, Field(gt=0.0, le=1.0)] = 0.75
    rest_bars: int = Field(5, ge=0)

    @model_validator(mode="after")
    def _grades_fit(self) -> Self:
        if self.medium >= self.high:
            raise ValueError(f"pads.care: medium {self.medium} must be below high {self.high}")
        return self


class PadsConfig(Config):
    """The [pads] table.

    ``stakes`` names the seats: a line ``NAME = { member = "LABEL", weight = W }`` lets an agent join. All weights are
    normalised to sum to 1 with those of ``consensus`` and ``adaptability``, the members inside PADS, of which weight 0
    switches one off. ``horizon`` is in bars; ``kappa`` is the band in volatilities; ``alpha`` is the share of weight
    that returns to its initial place at each settlement, ``reweigh`` that at each change of phase; ``prior_discount``
    is how much of the count of outcomes survives the next outcome. An order that no gate and no broker answers within
    ``answer_timeout_s`` is no longer waited for. After a gate has refused a position to grow, PADS lets it be on that
    side for ``refusal_bars`` bars.
    """

    stakes: dict[Name, Stake] = Field(
        default_factory=lambda: {
            "qbmia": Stake(member="qar", weight=0.30),
            "quasar": Stake(member="qstar", weight=0.25),
            "quantum_amos": Stake(member="antifragility", weight=0.20),
        },
        min_length=1,
    )
    consensus_weight: NotNegative = 0.15
    adaptability_weight: NotNegative = 0.10
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
    reweigh: Fraction = 0.10
    refusal_bars: int = Field(5, ge=0)
    phase: PhaseConfig = PhaseConfig()
    panarchy: PanarchyConfig = PanarchyConfig()
    styles: StylesConfig = StylesConfig()
    alert: AlertConfig = AlertConfig()
    swan: SwanConfig = SwanConfig()
    sizing: SizingConfig = SizingConfig()
    hedge: HedgeConfig = HedgeConfig()
    care: CareConfig = CareConfig()

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
    replica = next((name for name in config.stakes if agents[name].replica_of), None)
    if replica is not None:
        seat = agents[replica].replica_of
        raise ConfigError(f"pads.stakes names {replica}, a replica of {seat}: name {seat}, whose stake is theirs")
    seats = [name for name, entry in agents.items() if entry.role == _SEAT and entry.enabled and not entry.replica_of]
    idle = [name for name in seats if name not in config.stakes]
    if idle:
        raise ConfigError(
            f'agents.{idle[0]} is a seat without a stake: add {idle[0]} = {{ member = "LABEL", weight = W }} to '
            f"[pads.stakes], or disable it"
        )
    stakes = {name: stake for name, stake in config.stakes.items() if agents[name].enabled}
    if len(stakes) < config.quorum:
        raise ConfigError(f"pads.quorum = {config.quorum}, but only {len(stakes)} of the seats are enabled")
    return config.model_copy(update={"stakes": stakes})
