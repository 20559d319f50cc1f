"""Which part of a firm runs on which host."""

from bus.config import AgentEntry, FirmConfig
from bus.errors import ConfigError
from bus.redis_server import EMBEDDED


def hosts(firm: FirmConfig) -> dict[str, list[str]]:
    """Return the enabled agents of each host, the host of [bus] first."""
    found: dict[str, list[str]] = {firm.bus.host: []}
    for name, entry in firm.enabled.items():
        found.setdefault(entry.host or firm.bus.host, []).append(name)
    return found


def elsewhere(firm: FirmConfig) -> set[str]:
    """Return the enabled agents that do not run on the host of [bus], where ops is; without tcp all do."""
    if firm.bus.transport != "tcp":
        return set()
    return {name for host, names in hosts(firm).items() if host != firm.bus.host for name in names}


def here(firm: FirmConfig, host: str) -> dict[str, AgentEntry]:
    """Return the enabled agents that run on ``host``; with none named, all, who must then be of one host.

    Raises
    ------
    ConfigError
        Nobody runs there, agents are of several hosts and none is named, or nothing would join the hosts.
    """
    spread = hosts(firm)
    if not host:
        away = {name: each for each, names in spread.items() for name in names if each != firm.bus.host}
        if away and firm.bus.transport == "tcp":
            name, other = next(iter(away.items()))
            raise ConfigError(
                f"agents.{name} runs on {other}; start each part of the firm on its host with `boardroom up --host "
                f"{other}`, `boardroom up --host {firm.bus.host}` and so on"
            )
        return firm.enabled
    if not spread.get(host):
        raise ConfigError(f"no agent runs on {host}; hosts of the process list are {', '.join(spread)}")
    if firm.bus.transport != "tcp":
        raise ConfigError("agents of several hosts reach each other by tcp only; set bus.transport to tcp")
    if firm.bus.redis_url == EMBEDDED:
        raise ConfigError("the embedded Redis serves one machine; point bus.redis_url at one that all hosts reach")
    return {name: firm.agents[name] for name in firm.agents if name in spread[host]}
