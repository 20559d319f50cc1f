"""The [quasar] table."""

from pydantic import Field

from bus.config import Config
from kernels.bins import MOST_BINS
from market.factors import LEAST_BARS
from market.panel_seat import PanelConfig, Weight


class QuasarStrategies(Config):
    """Initial weights of the strategies; 0 switches one off."""

    qstar: Weight = 0.4
    river: Weight = 0.2
    qar: Weight = 0.4


class QStarConfig(Config):
    """Parameters of Q*.

    ``bins`` is into how many quantile bins a feature is cut; ``situations`` how many are kept; ``memory_rounds`` how
    many transitions can be replayed and ``replays`` how many are at each settled round; ``discount``, ``trace_decay``
    and ``learning_rate`` are those of the learning rule; ``unit`` is the share of equity that one unit gains when the
    price moves by one band, and ``cost`` that of trading it, as a log return; ``doubt_visits`` is how often a
    situation must have been met before its edge counts half; ``calibration`` is the lean of the belief per band of
    edge to begin with, and ``calibration_rate`` how fast the score moves it. ``seed`` chooses among replays and
    tables.
    """

    bins: int = Field(2, ge=2, le=MOST_BINS)
    situations: int = Field(4_096, ge=2)
    memory_rounds: int = Field(512, ge=1)
    replays: int = Field(4, ge=0)
    discount: float = Field(0.9, ge=0, lt=1)
    trace_decay: float = Field(0.8, ge=0, le=1)
    learning_rate: float = Field(0.02, gt=0, le=1)
    unit: float = Field(0.02, gt=0, le=0.5)
    cost: float = Field(0.0002, ge=0)
    doubt_visits: float = Field(200.0, ge=0)
    calibration: float = Field(0.5, gt=0)
    calibration_rate: float = Field(0.1, ge=0, le=1)
    seed: int = Field(7, ge=1, le=2_147_483_646)


class RiverConfig(Config):
    """Parameters of the models of the river library.

    ``learning_rate`` is that of the regression and ``shrinkage`` its penalty; ``doubt_rounds`` is how many rounds it
    must have learned before it is half trusted. A drift is found with ADWIN's ``drift_delta`` or where the
    Page-Hinkley sum exceeds ``drift_threshold``; it multiplies the learning rate by up to ``drift_boost`` and takes
    up to the share ``drift_doubt`` from confidence, and its effect fades by ``drift_decay`` a round. Half-space
    trees: ``trees`` of ``tree_height``, masses over ``tree_rounds``; a score above ``anomaly_score`` is an anomaly.
    ``seed`` makes the trees.
    """

    learning_rate: float = Field(0.1, gt=0)
    shrinkage: float = Field(0.002, ge=0)
    doubt_rounds: float = Field(200.0, ge=0)
    drift_delta: float = Field(0.002, gt=0, lt=1)
    drift_threshold: float = Field(30.0, gt=0)
    drift_boost: float = Field(4.0, ge=1)
    drift_doubt: float = Field(0.5, ge=0, le=1)
    drift_decay: float = Field(0.97, ge=0, lt=1)
    trees: int = Field(8, ge=1)
    tree_height: int = Field(5, ge=1, le=12)
    tree_rounds: int = Field(128, ge=2)
    anomaly_score: float = Field(0.75, ge=0, le=1)
    seed: int = Field(7, ge=0)


class QarConfig(Config):
    """Parameters of QAR.

    ``market_discount`` is what a settled round keeps of its say in the factors' markets when the next one settles,
    and ``market_doubt`` how many rounds at the prior each of them begins with; ``weight`` is that of each market in
    the pool to begin with, and ``learning_rate`` and ``shrinkage`` how it moves. ``memory_situations`` are
    remembered; one whose fidelity with the present is at least ``match_fidelity`` matches, and what is recalled is
    mixed with ``recall_doubt`` rounds of the prior. ``contrast`` multiplies the factors against the constant in a
    situation's state.
    """

    market_discount: float = Field(0.998, gt=0, le=1)
    market_doubt: float = Field(50.0, gt=0)
    weight: float = Field(0.3, ge=0)
    learning_rate: float = Field(0.1, ge=0)
    shrinkage: float = Field(0.0, ge=0)
    memory_situations: int = Field(512, ge=2, le=4_096)
    match_fidelity: float = Field(0.85, ge=0, le=1)
    recall_doubt: float = Field(50.0, gt=0)
    contrast: float = Field(2.0, gt=0)


class QuasarConfig(PanelConfig):
    """Parameters of the seat: its strategies' initial weights, and those of each strategy.

    ``quantum`` lets QAR read the cycle by the Fourier circuit and recall by amplified fidelity, where [models] allows
    it.
    """

    quantum: bool = True
    window_bars: int = Field(64, ge=LEAST_BARS)
    strategies: QuasarStrategies = QuasarStrategies()
    qstar: QStarConfig = QStarConfig()
    river: RiverConfig = RiverConfig()
    qar: QarConfig = QarConfig()
