"""Run the agent: ``python -m qbmia``."""

from bus.main import main
from qbmia.agent import build

if __name__ == "__main__":
    main("qbmia", build)
