"""`python -m research.bench.peers NAME`: times of ours and of a peer's function on the same problems, as JSON.

Each group of peers runs in a process of its own, the only one that imports it. Peers are dev dependencies; one that is
not installed is named and left out.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from research.bench.kernel_times import microseconds

REACH: Final[dict[str, float]] = {"peer_circuit": 20.0, "peer_games": 50.0, "peer_rolling": 5.0, "peer_shortfall": 20.0}
"""How many times faster ours should be, for each module of this folder with peers in it."""
Cases = dict[str, tuple[Callable[[], object], Callable[[], object]]]


class Race(NamedTuple):
    """Microseconds a call of ours and of the peer's, and the ratio that ours should reach."""

    name: str
    ours_us: float
    peer_us: float
    reach: float

    @property
    def ratio(self) -> float:
        """How many times the peer's time is ours."""
        return self.peer_us / self.ours_us


def races() -> tuple[list[Race], list[str]]:
    """Return every race that could be run, and a line for each group that could not."""
    run: list[Race] = []
    left_out = []
    for module, reach in REACH.items():
        found = _in_a_process(module)
        if "absent" in found:
            left_out.append(f"{module} is left out: {found['absent']} is not installed")
        else:
            run += [Race(name, ours_us, peer_us, reach) for name, (ours_us, peer_us) in found["us"].items()]
    return run, left_out


def measure(module: str) -> dict[str, Any]:
    """Return microseconds of ours and the peer's for every case of a module, or what is absent to run it."""
    try:
        cases: Cases = importlib.import_module(f"research.bench.{module}").cases()
    except ModuleNotFoundError as error:
        return {"absent": error.name}
    return {"us": {name: (microseconds(ours), microseconds(peer)) for name, (ours, peer) in cases.items()}}


def _in_a_process(module: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "research.bench.peers", module]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
