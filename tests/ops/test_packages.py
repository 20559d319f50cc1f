"""Packages that agents need: what is missing is named with the command that installs it."""

import sys

import pytest

from bus.config import AgentEntry
from bus.errors import ConfigError, Fatal
from ops.supervision.packages import Missing, describe, install, install_command, missing, require

HERE = {"numba": "0.61.2", "numpy": "2.1.0", "odd": "not a version"}


def entries(**packages: tuple[str, ...]) -> dict[str, AgentEntry]:
    return {name: AgentEntry(packages=needed) for name, needed in packages.items()}


def test_what_is_there_in_the_right_version_is_not_missing() -> None:
    needed = entries(qbmia=("numba>=0.61", "numpy"), quasar=("NumPy<3,>=2",), pads=())
    assert missing(needed, HERE.get) == []


def test_what_is_absent_or_too_old_is_missing_for_each_agent() -> None:
    needed = entries(qbmia=("numba>=0.62",), quasar=("torch>=2", "odd>=1", "numpy!=2.1.0"))
    assert missing(needed, HERE.get) == [
        Missing("qbmia", "numba>=0.62", "0.61.2"),
        Missing("quasar", "torch>=2", None),
        Missing("quasar", "odd>=1", "not a version"),
        Missing("quasar", "numpy!=2.1.0", "2.1.0"),
    ]


def test_agents_that_are_not_enabled_and_markers_that_do_not_hold_need_nothing() -> None:
    off = {"qbmia": AgentEntry(enabled=False, packages=("torch",))}
    assert missing(off, HERE.get) == []
    assert missing(entries(qbmia=('torch; python_version < "3"',)), HERE.get) == []


def test_the_command_that_installs_is_given_with_what_is_missing() -> None:
    lacking = [Missing("qbmia", "numba>=0.62", "0.61.2"), Missing("pads", "torch", None), Missing("x", "torch", None)]
    assert install_command(lacking) == [sys.executable, "-m", "pip", "install", "numba>=0.62", "torch"]
    assert describe(lacking) == (
        "qbmia needs numba>=0.62 (0.61.2 is installed); pads needs torch (not installed); x needs torch (not "
        f"installed); install with: {sys.executable} -m pip install 'numba>=0.62' torch"
    )


def test_nothing_starts_without_its_packages() -> None:
    require(entries(qbmia=("numpy>=2",)))
    with pytest.raises(Fatal, match=r"qbmia needs no-such-package>=1 \(not installed\); install with: .*--fix"):
        require(entries(qbmia=("no-such-package>=1",)))


@pytest.mark.parametrize("text", ["numba>>1", "--index-url=http://example.org", "", "a b"])
def test_what_is_no_requirement_is_refused_and_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"agents\.qbmia\.packages: .* is not a requirement: .*write it like"):
        missing(entries(qbmia=(text,)), HERE.get)


def test_a_failed_installation_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    with pytest.raises(Fatal, match=r"failed: .*no-such-package-anywhere"):
        install([Missing("qbmia", "no-such-package-anywhere", None)])
