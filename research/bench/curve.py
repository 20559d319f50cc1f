"""What CURVE costs: the same decision round over plain tcp and over tcp with CURVE, block by block in turn."""

import signal
import socket
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from bus.curve import CurveKeys, curve_names, make_curve_keys
from bus.direct import ZmqDirect
from bus.process import Process
from research.bench.kinds import Asker, TrivialSeat
from research.bench.planes import SEATS, children, drive, folder_with_redis, make_process, request

_NAMES: Final = ("pads", *SEATS)
_BLOCKS: Final = 60
_ROUNDS: Final = 50
_WARM_ROUNDS: Final = 300


class CurveCost(NamedTuple):
    """A round of three seats on the loopback, in seconds: medians over all blocks, and the median ratio of a pair."""

    plain_s: float
    curve_s: float
    ratio: float


class Loopback(NamedTuple):
    """Ports of one set of agents, and the folder of their keys; None speaks tcp without CURVE."""

    book: dict[str, str]
    keys: Path | None

    def open(self, name: str) -> ZmqDirect:
        """Open the direct plane of one of them."""
        if self.keys is None:
            return ZmqDirect(name, self.book, is_bare=True)
        return ZmqDirect(name, self.book, keys=CurveKeys.load(self.keys, name, curve_names(_NAMES)))


def curve_cost() -> CurveCost:
    """Measure both at once: their blocks take turns, so that whatever else the machine does falls on both alike."""
    with ExitStack() as stack:
        plain, secure = (stack.enter_context(_table(is_secure=is_secure)) for is_secure in (False, True))
        for table in (plain, secure):
            table(_WARM_ROUNDS)
        pairs = [(plain(_ROUNDS), secure(_ROUNDS)) for _ in range(_BLOCKS)]
    return CurveCost(
        statistics.median(bare for bare, _ in pairs),
        statistics.median(crypted for _, crypted in pairs),
        statistics.median(crypted / bare for bare, crypted in pairs),
    )


def serve_seat(name: str, loopback: Loopback, folder: Path, url: str, ready: Connection) -> None:
    """Run one seat in this process until SIGTERM."""
    process = make_process(TrivialSeat(name), _NAMES, folder, url, loopback.open(name))
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    ready.send(True)
    while not stopping:
        process.turn()
    process.stop()


@contextmanager
def _table(*, is_secure: bool) -> Iterator[partial[float]]:
    """Seat three processes; give what runs a block of rounds with them and returns the median seconds of one."""
    with folder_with_redis(_NAMES) as (folder, url):
        keys = folder / "keys" if is_secure else None
        if keys is not None:
            make_curve_keys(keys, curve_names(_NAMES), 0)
        loopback = Loopback(_book(), keys)
        asker = Asker(SEATS, request)
        with children(*((serve_seat, (name, loopback, folder, url)) for name in SEATS)):
            process = make_process(asker, _NAMES, folder, url, loopback.open("pads"))
            yield partial(_block, process, asker)
            process.stop()


def _block(process: Process, asker: Asker, count: int) -> float:
    before = len(asker.rounds_s)
    drive(process, before + count, lambda: len(asker.rounds_s) == before + count)
    return statistics.median(asker.rounds_s[before:])


def _book() -> dict[str, str]:
    """Return an address for each, on ports that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in _NAMES]
        return {name: f"tcp://127.0.0.1:{each.getsockname()[1]}" for name, each in zip(_NAMES, sockets, strict=True)}


if __name__ == "__main__":
    print(curve_cost())
