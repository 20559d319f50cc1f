"""The [quantum_amos] table."""

from pydantic import Field

from bus.config import Config
from kernels.prospect import LEAST_CURVATURE, TVERSKY_KAHNEMAN, Parameters
from market.seat import SeatConfig


class PartsConfig(Config):
    """The [quantum_amos.parts] table: how far each part has its say, 0 switching it off.

    ``affect`` is the largest share by which mood moves confidence and desire; ``intention`` scales the rotation that
    an intention gives the circuit; ``fusion`` is the share of the belief's lean that comes from the circuit.
    """

    affect: float = Field(0.5, ge=0, le=1)
    intention: float = Field(1.0, ge=0, le=1)
    fusion: float = Field(0.5, ge=0, le=1)


class ProspectConfig(Config):
    """The [quantum_amos.prospect] table: how gains, losses and odds are seen (``kernels.prospect``)."""

    alpha: float = Field(TVERSKY_KAHNEMAN.alpha, gt=0, le=2)
    beta: float = Field(TVERSKY_KAHNEMAN.beta, gt=0, le=2)
    loss_aversion: float = Field(TVERSKY_KAHNEMAN.loss_aversion, gt=0, le=100)
    gamma: float = Field(TVERSKY_KAHNEMAN.gamma, ge=LEAST_CURVATURE, le=1)
    delta: float = Field(TVERSKY_KAHNEMAN.delta, ge=LEAST_CURVATURE, le=1)

    def parameters(self) -> Parameters:
        """Return them as the kernel takes them."""
        return Parameters(self.alpha, self.beta, self.loss_aversion, self.gamma, self.delta)


class QuantumAmosConfig(SeatConfig):
    """Parameters of the agent's mind.

    Belief: ``prior_variance`` is that of each factor's coefficient before evidence, in standardised returns squared;
    ``forgetting`` what remains of the evidence when a round settles; ``noise_rounds`` what the first belief about noise
    is worth; standardised returns beyond ``outlier_sigmas`` count as that much; ``learning_rate`` is the step of the
    factors' weights.

    Desire: a position may lose ``risk_budget`` of equity by one standard deviation over the horizon, at full appetite,
    and be ``max_exposure`` of equity at most; at a drawdown of ``drawdown_budget`` nothing is desired any more.

    Intention: weighed over ``scenarios`` quantiles; trading costs ``cost_bps`` of the value traded, ``release_cost``
    times as much in release, where a hedge takes away ``hedge_share`` of a position at the usual cost. It is
    reconsidered once the factors have moved by more than ``reconsideration``, root mean square.

    Affect: ``mood_decay`` is what a settled round keeps of its say in the mood when the next one settles.

    Fusion: ``quantum`` makes it the circuit, where [models] allows it, and not its classical counterpart.
    """

    quantum: bool = True
    prior_variance: float = Field(0.05, gt=0)
    forgetting: float = Field(0.9995, gt=0, le=1)
    noise_rounds: float = Field(20.0, gt=0)
    outlier_sigmas: float = Field(4.0, gt=0)
    learning_rate: float = Field(0.05, ge=0, le=1)
    risk_budget: float = Field(0.002, gt=0, le=1)
    max_exposure: float = Field(0.08, gt=0, le=1)
    drawdown_budget: float = Field(0.15, gt=0, le=1)
    scenarios: int = Field(21, ge=3, le=201)
    cost_bps: float = Field(5.0, ge=0)
    release_cost: float = Field(3.0, ge=1)
    hedge_share: float = Field(0.7, gt=0, le=1)
    reconsideration: float = Field(0.2, ge=0, le=2)
    mood_decay: float = Field(0.95, ge=0, lt=1)
    parts: PartsConfig = PartsConfig()
    prospect: ProspectConfig = ProspectConfig()
