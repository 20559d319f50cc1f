"""Batches: item by item what the single kernels give, on the processor and on a simulated CUDA device."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import circuit
from kernels.arrays import Floats
from kernels.batch import Cpu, engine
from kernels.bootstrap import stationary_means
from kernels.lmsr import log_pool
from kernels.tail import expected_shortfall
from tests.conftest import ROOT

GATES = np.array(
    [
        [circuit.H, 0, -1],
        [circuit.RY, 1, -1],
        [circuit.CNOT, 1, 0],
        [circuit.RX, 2, 1],
        [circuit.SWAP, 0, 2],
        [circuit.RZ, 2, -1],
        [circuit.T, 1, 0],
    ]
)
LEVEL = 0.9
ANSWERS = """
import json, sys
from kernels.batch import engine
from tests.kernels.test_batch import answers
chosen = engine("auto")
print(json.dumps([chosen.name, chosen.why, answers(chosen)]))
"""

COMPILE = """
from types import SimpleNamespace
import numba.cuda.dispatcher
from numba import complex128, cuda, float64, int64
from kernels.cuda import engine

hopper = SimpleNamespace(compute_capability=(9, 0))
numba.cuda.dispatcher.get_current_device = lambda: hopper
row, table = float64[:, ::1], float64[:, :, ::1]
programs = {
    "_pools": (row, table, row, row),
    "_shortfalls": (row, float64, row, float64[::1]),
    "_circuits": (int64[:, ::1], row, complex128[:, ::1]),
    "_resampled_means": (row, float64, int64, row),
}
for name, signature in programs.items():
    code, _ = cuda.compile_ptx(getattr(engine, name).py_func, signature, cc=(9, 0))
    assert ".target sm_90" in code
    print(name)
"""


def inputs() -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Make priors, beliefs, stakes, losses and angles."""
    draw = np.random.default_rng(7)
    stakes = draw.dirichlet(np.ones(5), 6)[:, :4].copy()
    return (
        draw.dirichlet(np.ones(3), 6),
        draw.dirichlet(np.ones(3), (6, 4)),
        stakes,
        draw.standard_t(4, (5, 41)),
        draw.normal(size=(4, len(GATES))),
    )


def answers(chosen: Any) -> list[list[float]]:
    """Return everything an engine computes, as plain lists."""
    priors, beliefs, stakes, losses, angles = inputs()
    states = chosen.circuits(GATES, angles, 3)
    arrays = (
        chosen.pools(priors, beliefs, stakes),
        chosen.shortfalls(losses, LEVEL),
        states.real,
        states.imag,
        chosen.resampled_means(losses, 5.0, 9, 42),
    )
    return [array.ravel().tolist() for array in arrays]


def test_each_item_is_what_the_single_kernel_gives() -> None:
    priors, beliefs, stakes, losses, angles = inputs()
    cpu = Cpu()
    for i, price in enumerate(cpu.pools(priors, beliefs, stakes)):
        np.testing.assert_allclose(price, log_pool(priors[i], beliefs[i], stakes[i]), rtol=1e-13)
    for i, shortfall in enumerate(cpu.shortfalls(losses, LEVEL)):
        assert shortfall == pytest.approx(expected_shortfall(losses[i], LEVEL), rel=1e-13)
    for i, state in enumerate(cpu.circuits(GATES, angles, 3)):
        np.testing.assert_array_equal(state, circuit.run(GATES, angles[i], 3))


def test_compiled_and_plain_agree() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ANSWERS.replace('"auto"', '"cpu"')], env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for one, other in zip(json.loads(done.stdout)[2], answers(Cpu()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_the_cuda_engine_gives_the_same_in_numba_s_simulator() -> None:
    simulated = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ANSWERS], env=simulated, cwd=ROOT, capture_output=True, text=True, check=True
    )
    name, why, found = json.loads(done.stdout)
    assert (name, why) == ("cuda", "numba's CUDA simulator, on the processor")
    for one, other in zip(found, answers(Cpu()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_device_code_compiles_for_a_real_architecture() -> None:
    compiler = shutil.which("nvcc")
    if compiler is None:
        pytest.skip("no CUDA toolkit on this machine: nvcc is not on PATH")
    tried = subprocess.run([compiler, "--dryrun", "none.cu"], capture_output=True, text=True, check=False).stderr
    top = re.search(r"TOP=(\S+)", tried)
    if top is None:
        pytest.skip("nvcc does not say where its toolkit is")
    home = {**os.environ, "CUDA_HOME": str(Path(top[1]).resolve())}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=home, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["_pools", "_shortfalls", "_circuits", "_resampled_means"]


def test_a_resample_is_one_of_the_stationary_bootstrap() -> None:
    values = np.random.default_rng(3).normal(size=60).cumsum()[None, :]
    ours = Cpu().resampled_means(values, 6.0, 8_000, 1)[0]
    other = stationary_means(values[0], 6.0, 8_000, np.random.default_rng(1))
    assert ours.mean() == pytest.approx(values.mean(), abs=4 * ours.std() / 8_000**0.5)
    assert ours.std() == pytest.approx(other.std(), rel=0.05)


def test_a_seed_and_a_draw_name_a_resample_whatever_else_is_drawn() -> None:
    values = np.random.default_rng(3).normal(size=(2, 30))
    many = Cpu().resampled_means(values, 4.0, 10, 5)
    np.testing.assert_array_equal(many[:, :3], Cpu().resampled_means(values, 4.0, 3, 5))
    assert not np.array_equal(many, Cpu().resampled_means(values, 4.0, 10, 6))


def test_a_missing_device_is_said_plainly() -> None:
    import kernels.cuda.device

    if not kernels.cuda.device.missing():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(RuntimeError, match=r'kernels.backend = "cuda", but numba .*; use "cpu", or "auto"'):
        engine("cuda")
    assert engine("auto").name == "cpu"
    assert engine("auto").why.startswith("auto: numba ")
    assert engine("cpu").why == "asked for"


@pytest.mark.parametrize(
    "call",
    [
        lambda cpu: cpu.pools(np.ones((2, 3)) / 3, np.ones((2, 4, 2)) / 2, np.zeros((2, 4))),
        lambda cpu: cpu.pools(np.zeros((1, 2)), np.ones((1, 1, 2)) / 2, np.zeros((1, 1))),
        lambda cpu: cpu.shortfalls(np.array([[1.0, np.nan]]), 0.9),
        lambda cpu: cpu.shortfalls(np.ones((1, 3)), 1.0),
        lambda cpu: cpu.circuits(GATES, np.zeros((2, 3)), 3),
        lambda cpu: cpu.circuits(GATES, np.full((2, 7), np.inf), 3),
        lambda cpu: cpu.resampled_means(np.ones((1, 0)), 2.0, 3, 1),
        lambda cpu: cpu.resampled_means(np.ones((1, 5)), 0.5, 3, 1),
    ],
)
def test_what_is_not_sound_is_refused(call: Any) -> None:
    with pytest.raises(ValueError):
        call(Cpu())
