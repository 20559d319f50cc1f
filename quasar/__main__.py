"""Run the agent: ``python -m quasar``."""

from bus.main import main
from quasar.agent import build

if __name__ == "__main__":
    main("quasar", build)
