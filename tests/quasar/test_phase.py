"""The cycle by the quantum Fourier transform: against numpy's DFT and the factor that Fourier sums give."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import cycle as sums
from kernels.arrays import Floats
from kernels.fourier import encode, qft
from kernels.phase import residuals
from quasar.phase import WINDOW, cycle


def closes(seed: int) -> Floats:
    result: Floats = 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 0.01, WINDOW)))
    return result


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000))
def test_the_transform_is_the_discrete_one_of_the_amplitudes(seed: int) -> None:
    rest = residuals(np.log(closes(seed)))
    line = np.polyval(np.polyfit(np.arange(WINDOW), np.log(closes(seed)), 1), np.arange(WINDOW))
    np.testing.assert_allclose(rest, (np.log(closes(seed)) - line)[::-1], atol=1e-12)
    amplitudes = rest / np.linalg.norm(rest)
    np.testing.assert_allclose(encode(rest), amplitudes, atol=1e-12)
    # With the sign + and 1 / sqrt(n), which numpy calls the inverse transform.
    spectrum = np.fft.ifft(amplitudes, norm="ortho")
    np.testing.assert_allclose(qft(encode(rest)), spectrum, atol=1e-12)
    found = cycle(closes(seed))
    likelihood = np.abs(spectrum) ** 2
    either = likelihood[1 : WINDOW // 2] + likelihood[: WINDOW // 2 : -1]
    shares = np.append(either, likelihood[WINDOW // 2])
    assert found.frequency == 1 + int(np.argmax(shares))
    assert found.share == pytest.approx(shares.max(), abs=1e-12)
    assert found.factor == pytest.approx(-shares.max() * math.sin(np.angle(spectrum[found.frequency])), abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000))
def test_the_factor_is_the_one_that_fourier_sums_give(seed: int) -> None:
    assert cycle(closes(seed)).factor == pytest.approx(sums.cycle(np.log(closes(seed))), abs=1e-12)


@pytest.mark.parametrize("frequency", [1, 3, 8, 31])
def test_a_planted_wave_is_found_where_it_is(frequency: int) -> None:
    """A wave that passes its middle on the way up at the last bar."""
    wave = np.exp(0.05 * np.sin(2.0 * np.pi * frequency * (np.arange(WINDOW) - (WINDOW - 1)) / WINDOW))
    found = cycle(100.0 * wave)
    assert found.frequency == frequency
    assert found.factor > 0.3
    assert cycle(1.0 / wave).factor == pytest.approx(-found.factor, abs=1e-9)


def test_a_line_has_no_cycle() -> None:
    assert cycle(np.full(WINDOW, 7.0)) == (0, 0.0, 0.0)
    assert cycle(np.exp(0.01 * np.arange(WINDOW))) == (0, 0.0, 0.0)
    with pytest.raises(ValueError, match="63 closes"):
        cycle(np.ones(63))
