"""Run risk as a process."""

from bus.main import main
from risk.agent import build

if __name__ == "__main__":
    main("risk", build)
