"""The order in which a firm starts: each agent after those it needs."""

from collections.abc import Mapping
from typing import Final

from bus.config import AgentEntry
from bus.errors import ConfigError

EVERY_OTHER: Final = "*"


def waves(entries: Mapping[str, AgentEntry]) -> list[list[str]]:
    """Sort agents into groups; each needs only agents of earlier groups.

    ``needs = ["*"]`` is a need for every agent that has no such need itself.

    Raises
    ------
    ConfigError
        An agent needs one that is not in the list, or two need each other.
    """
    early = [name for name, entry in entries.items() if EVERY_OTHER not in entry.needs]
    left: dict[str, list[str]] = {}
    for name, entry in entries.items():
        named = [need for need in entry.needs if need != EVERY_OTHER]
        left[name] = named if name in early else [*early, *named]
    order: list[list[str]] = []
    for name, needs in left.items():
        for need in needs:
            if need not in entries:
                raise ConfigError(f"agents.{name}.needs names {need}, which is not an enabled agent")
    while left:
        wave = [name for name, needs in left.items() if not any(need in left for need in needs)]
        if not wave:
            raise ConfigError(f"agents.needs runs in a circle among {', '.join(left)}")
        order.append(wave)
        for name in wave:
            del left[name]
    return order
