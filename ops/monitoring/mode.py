"""What a firm runs on, in a few words."""

from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from bus.config import Settings
from ops.monitoring.view import Mode

_UNKNOWN: Final = "none"
_PAPER: Final = "paper"


class _Market(BaseModel):
    model_config = ConfigDict(extra="ignore")
    source: str = _UNKNOWN


class _Execution(BaseModel):
    model_config = ConfigDict(extra="ignore")
    broker: str = _PAPER


def mode_of(settings: Settings) -> Mode:
    """Return what a firm runs on; of the address of its Redis nothing that may be a secret.

    Raises
    ------
    ConfigError
        The [market] or [execution] table does not fit.
    """
    bus, agents = settings.firm.bus, settings.firm.agents
    has_market, has_execution = "market" in agents, "execution" in agents
    return Mode(
        bus=bus.mode,
        transport=bus.transport,
        redis=_address(bus.redis_url),
        data=settings.table("market", _Market).source if has_market else _UNKNOWN,
        broker=settings.table("execution", _Execution).broker if has_execution else _UNKNOWN,
    )


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else url
