"""Where agents are found on the direct plane, and where they listen."""

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from bus.config import BusConfig
from bus.errors import ConfigError


def addresses(
    config: BusConfig, names: Iterable[str], sockets: Path, hosts: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the ZeroMQ address of every agent; ``hosts`` names those that are not on [bus] host.

    Raises
    ------
    ConfigError
        An agent has no port, or two have the same host and port.
    """
    names = list(names)
    if config.transport == "ipc":
        return {name: f"ipc://{sockets / name}.sock" for name in names}
    missing = [name for name in names if name not in config.ports]
    if missing:
        raise ConfigError(f"bus.ports has no port for {', '.join(missing)}; add one for each, or use transport ipc")
    book = {name: f"tcp://{(hosts or {}).get(name) or config.host}:{config.ports[name]}" for name in names}
    owners: dict[str, str] = {}
    for name, address in book.items():
        other = owners.setdefault(address, name)
        if other != name:
            raise ConfigError(
                f"bus.ports: {other} and {name} are both at {address.removeprefix('tcp://')}; give one of them another "
                f"port, or another host in [agents.{name}]"
            )
    return book


def listening_address(config: BusConfig, name: str, address: str) -> str:
    """Return where an agent listens that others find at ``address``: there, or on the interface of ``bus.bind``.

    Raises
    ------
    ConfigError
        Its host's name is unknown here.
    """
    if config.transport == "ipc":
        return address
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if config.bind:
        return f"tcp://{config.bind}:{port}"
    try:
        return f"tcp://{socket.gethostbyname(host)}:{port}"
    except OSError as error:
        raise ConfigError(
            f"{name} cannot listen on {host}: {error.strerror}; correct its host, or say in bus.bind on which address "
            f"of this machine it shall listen"
        ) from None
