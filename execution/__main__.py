"""Run execution as a process: ``python -m execution``."""

from bus.main import main
from execution.agent import build

if __name__ == "__main__":
    main("execution", build)
