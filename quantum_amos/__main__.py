"""Run the agent: ``python -m quantum_amos``."""

from bus.main import main
from quantum_amos.agent import build

if __name__ == "__main__":
    main("quantum_amos", build)
