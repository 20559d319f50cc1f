"""Residuals against numpy's least squares, and the dominant frequency against its FFT."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import cycle
from kernels import phase as module
from kernels.fourier import encode, gates, qft
from kernels.phase import dominant, read, residuals


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([2, 3, 16, 64]))
def test_residuals_are_those_of_least_squares(seed: int, size: int) -> None:
    values = np.random.default_rng(seed).normal(0.0, 1.0, size)
    line = np.polyval(np.polyfit(np.arange(size), values, 1), np.arange(size))
    np.testing.assert_allclose(residuals(values), (values - line)[::-1], atol=1e-9)
    np.testing.assert_array_equal(residuals(values), cast("Any", cycle.residuals).py_func(values))


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000))
def test_the_dominant_frequency_is_that_of_the_largest_power(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.0, 1.0, 16)
    transform = np.fft.ifft(values / np.linalg.norm(values), norm="ortho")
    power = np.abs(transform) ** 2
    shares = [power[k] + power[16 - k] for k in range(1, 8)] + [power[8]]
    frequency, share, rise = dominant(transform)
    assert frequency == 1 + int(np.argmax(shares))
    assert share == pytest.approx(max(shares), abs=1e-12)
    assert rise == pytest.approx(-share * np.sin(np.angle(transform[frequency])), abs=1e-12)
    plain = cast("Any", module._dominant).py_func(transform)
    assert frequency == plain[0]
    assert share == pytest.approx(plain[1], abs=1e-14)


def test_of_equals_the_longest_period_wins_and_of_nothing_none() -> None:
    assert dominant(np.array([0.0, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5], complex))[0] == 1
    assert dominant(np.zeros(8, complex)) == (0, 0.0, 0.0)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), qubits=st.integers(1, 6))
def test_one_call_reads_what_its_steps_do_to_the_last_bit(seed: int, qubits: int) -> None:
    values = np.random.default_rng(seed).normal(0.0, 1.0, 1 << qubits)
    circuit = gates(qubits)
    still = 1e-13
    rest = residuals(values)
    expected = dominant(qft(encode(rest))) if np.abs(rest).max() >= still else (0, 0.0, 0.0)
    assert read(values, *circuit, still) == expected
    frequency, *numbers = cast("Any", module._read).py_func(values, *circuit, still)
    assert (frequency, *numbers) == (expected[0], *(pytest.approx(x, abs=1e-12) for x in expected[1:]))


def test_a_line_is_still() -> None:
    assert read(np.arange(8.0), *gates(3), 1e-12) == (0, 0.0, 0.0)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"2\*\*n"):
        read(np.ones(6), *gates(3), 0.1)
    with pytest.raises(ValueError, match="finite"):
        read(np.array([1.0, np.nan, 2.0, 1.0]), *gates(2), 0.1)
    with pytest.raises(ValueError, match="n >= 2"):
        residuals(np.ones(1))
    with pytest.raises(ValueError, match="even"):
        dominant(np.zeros(3, complex))
