"""Agents that an operator stopped: kept on disk, so that neither their end nor the supervisor's starts them again."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from bus.errors import ConfigError, Fatal
from bus.keyfile import PRIVATE, replace

FILE: Final = "stopped.json"


class Stop(NamedTuple):
    """Who stopped an agent, when, and why."""

    operator: str
    reason: str
    at_ns: int


class Stops:
    """The agents of one firm that an operator stopped.

    Parameters
    ----------
    folder
        Where ops keeps its files.

    Raises
    ------
    ConfigError
        The file is not what was written; the message says what to do.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stops = _read(self._path)

    def __contains__(self, name: str) -> bool:
        return name in self._stops

    def __getitem__(self, name: str) -> Stop:
        return self._stops[name]

    def names(self) -> tuple[str, ...]:
        """Return who is stopped."""
        return tuple(sorted(self._stops))

    def add(self, name: str, stop: Stop) -> None:
        """Note a stop.

        Raises
        ------
        Fatal
            It cannot be written, and is not in force.
        """
        self._write({**self._stops, name: stop})

    def remove(self, name: str) -> None:
        """Forget a stop.

        Raises
        ------
        Fatal
            It cannot be written, and is still in force.
        """
        self._write({key: stop for key, stop in self._stops.items() if key != name})

    def _write(self, stops: dict[str, Stop]) -> None:
        said = json.dumps({name: stop._asdict() for name, stop in sorted(stops.items())}, indent=1)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace(self._path, said.encode(), PRIVATE)
        except OSError as error:
            raise Fatal(f"{self._path}: {error.strerror}; make it writable") from None
        self._stops = stops


def _read(path: Path) -> dict[str, Stop]:
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): _stop(stop) for name, stop in said.items()}
    except (FileNotFoundError, NotADirectoryError):  # whoever makes the folder tells what stands in its way
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; make it readable") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(
            f"{path}: not a list of stopped agents; correct it, or remove it and stop them again"
        ) from None


def _stop(said: dict[str, Any]) -> Stop:
    return Stop(str(said["operator"]), str(said["reason"]), int(said["at_ns"]))
