"""Run the market as a process: ``python -m market``."""

from bus.main import main
from market.agent import build

if __name__ == "__main__":
    main("market", build)
