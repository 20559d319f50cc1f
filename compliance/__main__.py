"""Run compliance as a process."""

from bus.main import main
from compliance.agent import build

if __name__ == "__main__":
    main("compliance", build)
