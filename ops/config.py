"""The [ops] table: how the firm is kept up, watched and reported on."""

from typing import Annotated, Final, Literal

from pydantic import Field

from bus.config import Config, Settings

TABLE: Final = "ops"
Weight = Annotated[float, Field(ge=0)]


class Weights(Config):
    """What a healthy agent of each priority counts in the score of the firm."""

    critical: Weight = 3.0
    high: Weight = 2.0
    medium: Weight = 1.0


class OpsConfig(Config):
    """Supervision of one firm; times are seconds.

    ``restarts`` within ``restart_window_s`` are allowed before an agent is given up. The wait before each doubles from
    ``backoff_s`` to ``backoff_max_s``, is spread by ``jitter`` of itself, and begins anew once an agent has been
    healthy for ``healthy_s``. An agent that has not answered, or handled nothing while inputs wait, for ``hang_s`` is
    hung. One that has been down or unwell for ``failed_after_s``, or is given up, has failed; ``emergency_share`` of
    the firm's weight failed ends it: halt, flatten for at most ``flatten_s``, stop. ``on_death`` says what becomes of
    the agents when their supervisor dies. ``report_cron`` ("0 6 * * *", UTC) writes reports; empty writes none.
    ``metrics_port`` 0 exports no metrics.
    """

    health_interval_s: float = Field(30.0, gt=0)
    ready_s: float = Field(60.0, gt=0)
    stop_s: float = Field(10.0, gt=0)
    restarts: int = Field(3, ge=0)
    restart_window_s: float = Field(300.0, gt=0)
    backoff_s: float = Field(0.1, gt=0)
    backoff_max_s: float = Field(30.0, gt=0)
    jitter: float = Field(0.2, ge=0, le=1)
    healthy_s: float = Field(30.0, gt=0)
    ping_s: float = Field(1.0, gt=0)
    hang_s: float = Field(15.0, gt=0)
    failed_after_s: float = Field(30.0, gt=0)
    emergency_share: float = Field(0.30, gt=0, le=1)
    flatten_s: float = Field(60.0, gt=0)
    weights: Weights = Weights()
    on_death: Literal["keep", "stop"] = "keep"
    log_mb: float = Field(32.0, gt=0)
    log_files: int = Field(5, ge=1)
    report_cron: str = ""
    report_files: int = Field(30, ge=1)
    history: int = Field(2_880, ge=1)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(0, ge=0, le=65_535)


def ops_config(settings: Settings) -> OpsConfig:
    """Return the [ops] table of a firm.

    Raises
    ------
    ConfigError
        It does not fit.
    """
    return settings.table(TABLE, OpsConfig)
