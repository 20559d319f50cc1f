"""Run the agent: ``python -m contrarian``."""

from bus.main import main
from contrarian.agent import build

if __name__ == "__main__":
    main("contrarian", build)
