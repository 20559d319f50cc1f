"""Two network namespaces, each a host with an address of its own, and a wire that can be cut, slowed and made lossy."""

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

A: Final = "10.77.0.1"
B: Final = "10.77.0.2"
_NUMBERS: Final = itertools.count()


def why_not() -> str:
    """Say why there can be no two hosts here; empty when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the ip command (iproute2)"
    probe = f"bd{os.getpid()}probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"this machine makes no network namespaces: {made.stderr.strip()}"
    _ip("netns", "del", probe)
    return ""


class Network:
    """Hosts at ``A`` and ``B``; a context that leaves nothing behind."""

    def __init__(self) -> None:
        tag = f"bd{os.getpid()}{next(_NUMBERS)}"
        self._spaces = {A: f"{tag}a", B: f"{tag}b"}
        self.cut_at_s = 0.0
        self._ends = {A: f"{tag}va"[-15:], B: f"{tag}vb"[-15:]}

    def __enter__(self) -> Self:
        for space in self._spaces.values():
            _ip("netns", "add", space)
        _ip("link", "add", self._ends[A], "type", "veth", "peer", "name", self._ends[B])
        for address, space in self._spaces.items():
            _ip("link", "set", self._ends[address], "netns", space)
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", self._ends[address])
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "link", "set", self._ends[address], "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for space in self._spaces.values():
            _ip("netns", "del", space)

    def cut(self) -> None:
        """Take the wire away."""
        self.cut_at_s = time.monotonic()
        _ip("-n", self._spaces[A], "link", "set", self._ends[A], "down")

    def heal(self) -> None:
        """Put it back."""
        _ip("-n", self._spaces[A], "link", "set", self._ends[A], "up")

    def slow(self, rate: str) -> None:
        """Let no more than ``rate`` ("1mbit") through from either side."""
        for address, end in self._ends.items():
            shape = ("root", "tbf", "rate", rate, "burst", "10kb", "latency", "200ms")
            self.run(address, ["tc", "qdisc", "add", "dev", end, *shape])

    def lose(self, share: float) -> bool:
        """Drop this share of the packets that arrive on either side; False where there is no iptables to do it."""
        rule = ("-A", "INPUT", "-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")
        if shutil.which("iptables") is None:
            return False
        for address, end in self._ends.items():
            self.run(address, ["iptables", *rule, "-i", end])
        return True

    def run(self, host: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
        """Run a command on a host to its end; return what it said."""
        done = subprocess.run(self.on(host, command), env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
        return done.stdout

    def start(
        self, host: str, command: Sequence[str], log: IO[bytes], env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a command on a host; it says what it says into ``log``."""
        return subprocess.Popen(
            self.on(host, command), env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=Path(log.name).parent
        )

    def on(self, host: str, command: Sequence[str]) -> list[str]:
        """Return the command line that runs a command on a host."""
        return ["ip", "netns", "exec", self._spaces[host], *command]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
