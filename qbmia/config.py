"""The [qbmia] table and one table for each of its strategies."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from bus.config import Config
from market.factors import LEAST_BARS
from market.panel_seat import PanelConfig, Weight


class StrategyConfig(Config):
    """What every strategy can be told.

    ``calibration`` is the lean of the belief per unit of exposure to begin with, and ``learning_rate`` how fast the
    score moves it.
    """

    calibration: float = Field(0.1, gt=0, le=4)
    learning_rate: float = Field(0.1, ge=0, le=1)


class QuantumNashConfig(StrategyConfig):
    """Parameters of the game of desk and crowd.

    ``memory_bars`` is that of the last move, ``discount`` weighs the past in the cells, ``shrinkage_bars`` is the
    number of empty bars in each, below ``least_bars`` of which it abstains; ``crowding`` is the price of standing
    where the other stands and ``cost`` that of standing anywhere, both in volatilities a bar.
    """

    memory_bars: int = Field(5, ge=1)
    discount: float = Field(0.995, gt=0, le=1)
    shrinkage_bars: float = Field(100.0, ge=0)
    least_bars: float = Field(5.0, ge=0)
    crowding: float = Field(0.02, ge=0, le=1)
    cost: float = Field(0.05, ge=0, le=1)


class MachiavellianConfig(StrategyConfig):
    """Parameters of the watch over bars.

    ``memory_bars`` is the length of the baseline, half of which must be there before it answers, ``fast_bars`` that of
    a run; ``tolerance`` is how many times its usual deviations a sign may show before half a score.
    """

    memory_bars: int = Field(200, ge=20)
    fast_bars: int = Field(5, ge=1)
    tolerance: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.fast_bars >= self.memory_bars:
            raise ValueError(f"fast_bars {self.fast_bars} must be below memory_bars {self.memory_bars}")
        return self


class RobinHoodConfig(StrategyConfig):
    """Parameters of inventory, concentration and fairness.

    ``discount`` weighs the past in the inventory, ``recent_bars`` are those in which liquidity may be thinner than in
    the window, ``risk_aversion`` is that of who holds the inventory, per volatility, and ``fairness`` the alpha of the
    split of the risk budget.
    """

    discount: float = Field(0.9, gt=0, le=1)
    recent_bars: int = Field(5, ge=1, lt=LEAST_BARS)
    risk_aversion: float = Field(1.0, gt=0)
    fairness: float = Field(2.0, gt=0)


class TemporalBiologicalNashConfig(StrategyConfig):
    """Parameters of the logit dynamics.

    ``memories_bars`` are those of momentum and reversion; ``payoff_discount`` weighs the past in the payoffs, which
    are known ``delay_bars`` late; ``temperature`` is the noise of choice and ``crowding`` the price of holding what
    all hold, both in units of payoff.
    """

    memories_bars: tuple[Annotated[int, Field(ge=1)], ...] = Field((3, 8, 21), min_length=1)
    payoff_discount: float = Field(0.97, gt=0, le=1)
    delay_bars: int = Field(1, ge=0, le=LEAST_BARS - 3)
    temperature: float = Field(0.1, ge=0.01)
    crowding: float = Field(0.1, ge=0, le=1)
    calibration: float = Field(0.1, gt=0, le=4)


class AntifragileCoalitionConfig(StrategyConfig):
    """Parameters of the coalition of players.

    ``history_bars`` is what is remembered of their earnings, ``least_bars`` what it needs before it answers; ``level``
    is that of the expected shortfall; ``temperature``, in volatilities, says how strictly those with the better
    Shapley value lead, and ``gap_errors`` how many standard errors of a Jensen gap make half a conviction.
    """

    history_bars: int = Field(128, ge=12)
    least_bars: int = Field(40, ge=12)
    level: float = Field(0.9, gt=0, lt=1)
    temperature: float = Field(0.2, ge=0.01)
    gap_errors: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.least_bars > self.history_bars:
            raise ValueError(f"least_bars {self.least_bars} must not exceed history_bars {self.history_bars}")
        return self


class QbmiaStrategies(Config):
    """Initial weights of the strategies; 0 switches one off."""

    quantum_nash: Weight = 0.25
    machiavellian: Weight = 0.20
    robin_hood: Weight = 0.20
    temporal_biological_nash: Weight = 0.20
    antifragile_coalition: Weight = 0.15


class QbmiaConfig(PanelConfig):
    """Parameters of the panel; every strategy has a table of its own.

    ``quantum`` lets Quantum Nash play the entangled game, where [models] allows it.
    """

    quantum: bool = True
    window_bars: int = Field(LEAST_BARS, ge=LEAST_BARS)
    quorum: int = Field(3, ge=1)
    strategies: QbmiaStrategies = QbmiaStrategies()
    quantum_nash: QuantumNashConfig = QuantumNashConfig()
    machiavellian: MachiavellianConfig = MachiavellianConfig()
    robin_hood: RobinHoodConfig = RobinHoodConfig()
    temporal_biological_nash: TemporalBiologicalNashConfig = TemporalBiologicalNashConfig()
    antifragile_coalition: AntifragileCoalitionConfig = AntifragileCoalitionConfig()
