"""The shape of the code base: every folder has a layer, agents are thin shells, and nobody reads a clock in secret."""

import ast
import doctest
import importlib
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
AGENTS = ("market", "pads", "qbmia", "quasar", "quantum_amos", "risk", "compliance", "execution", "ops/recorder")
CLOCKS = {"time.time", "time.time_ns", "time.monotonic", "datetime.now", "uuid.uuid4", "random.random"}
MAY_READ_CLOCKS = {
    "bus/main.py",
    "bus/client.py",
    "bus/broadcast.py",
    "bus/pace.py",
    "bus/redis_server.py",
    "bus/rundir.py",
    "ops/supervision/branch.py",
    "ops/supervision/preparation.py",
    "ops/supervision/supervisor.py",
}


def layers() -> set[str]:
    contracts = CONFIG["tool"]["importlinter"]["contracts"]
    lines = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return {name.strip() for line in lines for name in line.split("|")}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_package_has_a_layer_and_is_shipped() -> None:
    assert set(PACKAGES) == layers()
    assert set(PACKAGES) == set(CONFIG["tool"]["importlinter"]["root_packages"])
    assert set(PACKAGES) == set(CONFIG["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


@pytest.mark.parametrize("path", sorted((ROOT / "kernels").rglob("*.py")), ids=name_of)
def test_kernels_import_numbers_only(path: Path) -> None:
    allowed = {"numpy", "numba", "math", "kernels", "typing", "collections", "dataclasses", "functools", "types"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] in allowed


@pytest.mark.parametrize("folder", AGENTS)
def test_every_agent_package_has_the_same_shape(folder: str) -> None:
    for name in ("__init__.py", "__main__.py", "agent.py", "config.py"):
        assert (ROOT / folder / name).is_file()
    module = importlib.import_module(f"{folder.replace('/', '.')}.agent")
    assert callable(module.build)


def is_inside(path: Path) -> bool:
    """Tell whether a module is no edge of the system, where clocks are handed in."""
    return name_of(path) not in MAY_READ_CLOCKS and not name_of(path).startswith(("cli/", "research/", "ops/harness"))


@pytest.mark.parametrize("path", [path for path in MODULES if is_inside(path)], ids=name_of)
def test_clocks_and_chance_are_handed_in(path: Path) -> None:
    name = name_of(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert ast.unparse(node.func) not in CLOCKS, f"{name}:{node.lineno}"


def test_there_is_one_broad_except_and_it_owns_the_process() -> None:
    broad = [
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and node.type is not None and ast.unparse(node.type) == "Exception"
    ]
    assert set(broad) <= {"bus/main.py", "bus/gate.py"}


@pytest.mark.parametrize("path", [path for path in MODULES if ">>>" in path.read_text()], ids=name_of)
def test_docstring_examples_hold(path: Path) -> None:
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
