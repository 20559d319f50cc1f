"""The garbage collector rests while a simulated firm runs, and is put back."""

import gc

import pytest

from bus.footprint import calmed_collector


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
