"""Run PADS as a process: ``python -m pads``."""

from bus.main import main
from pads.agent import build

if __name__ == "__main__":
    main("pads", build)
