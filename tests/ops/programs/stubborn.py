"""A program that holds the lock of an agent called stubborn, and does not stop when asked to."""

from tests.ops.programs.nap import run

if __name__ == "__main__":
    run("stubborn", obeys=False)
