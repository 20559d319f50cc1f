"""The garbage collector rests while a simulated firm runs, and is put back; a process tells what it uses."""

import gc
import os
import sys

import pytest

from bus.footprint import calmed_collector, vitals_of


def test_the_collector_rests_and_is_put_back() -> None:
    before = gc.get_threshold()
    with calmed_collector():
        assert gc.get_threshold()[0] >= max(before[0], 10_000)
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_it_is_put_back_after_an_error_too() -> None:
    before = gc.get_threshold()
    with pytest.raises(RuntimeError), calmed_collector():
        raise RuntimeError
    assert gc.get_threshold() == before


def test_a_process_tells_its_clock_its_age_and_on_linux_its_memory_and_descriptors() -> None:
    clock = iter([1_000, 5_000])
    told = vitals_of(lambda: next(clock))()
    assert (told["process_time_ns"], told["process_started_ns"]) == (5_000, 1_000)
    if sys.platform == "linux":
        assert 1.0 < float(told["process_memory_mb"]) < 100_000.0
        with open(os.devnull, encoding="ascii"):
            more = vitals_of(lambda: 0)()
        assert more["process_fds"] == int(told["process_fds"]) + 1
