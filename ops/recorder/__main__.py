"""Run the recorder as a process: ``python -m ops.recorder``."""

from bus.main import main
from ops.recorder.agent import build

if __name__ == "__main__":
    main("recorder", build)
