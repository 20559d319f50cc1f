"""A firm built from its configuration in one process, for backtests and replays."""

import importlib
from collections.abc import Iterable

from bus.agent import Agent
from bus.config import Settings
from bus.errors import ConfigError
from bus.simulation import Simulation


def build_agent(settings: Settings, name: str) -> Agent:
    """Build one agent of the process list by the ``build`` of its ``agent`` module.

    Raises
    ------
    ConfigError
        No such agent, or its module has no ``build``.
    """
    entry = settings.firm.agents.get(name)
    if entry is None:
        raise ConfigError(f"no [agents.{name}] in {settings.folder}/firm.toml")
    module = f"{entry.program(name)}.agent"
    try:
        build = importlib.import_module(module).build
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"agents.{name}: {module} cannot be used: {error}; it must offer build(settings)") from None
    agent: Agent = build(settings)
    agent.name = name
    return agent


def simulate(settings: Settings, agents: Iterable[Agent]) -> Simulation:
    """Put agents on a simulated bus with the firm's own settings."""
    return Simulation(agents, ttl_s=settings.firm.bus.message_ttl_s)
