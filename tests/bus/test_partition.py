"""A way that is cut without a word: noticed in time, back soon after it heals, and nothing promised is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus import direct
from bus.lawful import Arrival
from bus.message import Header
from tests.bus.toys import Answerer, Order, Reply, Talker
from tests.bus.wires import Cable, Wires
from tests.bus.worlds import MemoryWorld

BACK_S = 2.0


@pytest.fixture
def wires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wires]:
    """Two agents whose patience is a tenth of the real one."""
    for name in ("_HEARTBEAT_MS", "_SILENCE_MS", "_CONNECT_MS", "_HANDSHAKE_MS"):
        monkeypatch.setattr(direct, name, getattr(direct, name) // 10)
    made = Wires(tmp_path / "keys", ["pads", "risk"])
    made.open("risk")
    yield made
    made.close()


@pytest.fixture
def cable(wires: Wires) -> Iterator[Cable]:
    made = Cable(int(wires.book["risk"].rpartition(":")[2]))
    yield made
    made.close()


def connect(wires: Wires, cable: Cable) -> None:
    wires.open("pads", {**wires.book, "risk": f"tcp://127.0.0.1:{cable.port}"})
    wires.say("pads", "risk", b"before")
    assert wires.hear("risk") == [Arrival(b"before", "pads")]
    wires.idle(0.05)
    assert wires.planes["pads"].returned() == []


def test_a_cut_is_noticed_and_the_way_is_back_soon_after_it_heals(wires: Wires, cable: Cable) -> None:
    connect(wires, cable)
    cable.cut()
    wires.idle(1.0)
    wires.say("pads", "risk", b"during")
    assert wires.idle(0.2) == []
    cable.mend()
    mended = time.monotonic()
    assert Arrival(b"during", "pads") in wires.hear("risk")
    assert time.monotonic() - mended < BACK_S
    assert wires.planes["pads"].returned() == ["risk"]
    assert wires.planes["pads"].returned() == []


def test_a_short_silence_cuts_nothing(wires: Wires, cable: Cable) -> None:
    connect(wires, cable)
    cable.cut()
    wires.say("pads", "risk", b"during")
    assert wires.idle(0.1) == []
    cable.mend()
    assert wires.hear("risk") == [Arrival(b"during", "pads")]
    assert wires.planes["pads"].returned() == []


def test_what_waits_for_a_peer_out_of_reach_is_bounded(
    wires: Wires, cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "_HIGH_WATER", 50)
    connect(wires, cable)
    cable.cut()
    wires.idle(0.6)
    for _ in range(200):
        wires.say("pads", "risk", b"during" * 1_000)
    assert wires.planes["pads"].counters["unsent"] >= 100
    cable.mend()
    assert len(wires.hear("risk")) <= 100


def test_an_agent_that_comes_back_is_returned(wires: Wires, tmp_path: Path) -> None:
    pads = wires.open("pads")
    wires.say("pads", "risk", b"before")
    wires.hear("risk")
    wires.planes.pop("risk").close()
    wires.open("risk")
    wires.say("pads", "risk", b"after")
    assert Arrival(b"after", "pads") in wires.hear("risk")
    wires.idle(0.05)
    assert pads.returned() == ["risk"]


def test_what_was_lost_on_the_way_is_sent_again_to_a_peer_that_is_back(tmp_path: Path) -> None:
    """A reply travels once; whoever finds its way to the answerer again asks for it by a greeting."""
    is_cut = True

    def fate(header: Header) -> int:
        return 0 if is_cut and header.kind == Reply.KIND else 1

    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path, fate)
    world.tell("talker", Order(ask=3, to="answerer"))
    world.until(lambda: len(answerer.questions) == 3)
    world.idle(0.3)
    is_cut = False
    world.idle(0.3)
    assert talker.replies == []
    back = [["answerer"]]
    plane = world.processes["talker"].post.direct
    plane.returned = lambda: back.pop() if back else []  # type: ignore[method-assign]
    world.until(lambda: talker.replies == [2, 4, 6])
    world.idle(0.1)
    assert talker.replies == [2, 4, 6]
    world.close()
