"""A firm seen from one of its hosts: a line of JSON with what every agent counts and reports, over and over."""

import json
import sys
import time
from pathlib import Path

from bus.client import Client
from bus.config import Settings

_EACH_S = 0.1


def watch(run_dir: Path) -> None:
    """Ask and print until the end of the process."""
    settings = Settings.open(run_dir)
    names = list(settings.firm.enabled)
    with Client(settings) as client:
        while True:
            seen = client.statuses(names, _EACH_S)
            plain = {
                name: {"state": said.state.value, "inputs": said.inputs, **dict(said.counters), **dict(said.report)}
                for name, said in seen.items()
            }
            print(json.dumps({"at_s": time.monotonic(), "agents": plain}), flush=True)
            time.sleep(_EACH_S / 2)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
