"""Packages that agents need beyond their own code: which are missing, and the command that installs them."""

import importlib.metadata
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from bus.config import AgentEntry
from bus.errors import ConfigError, Fatal

_SHOWN: Final = 300
VersionOf = Callable[[str], str | None]


class Missing(NamedTuple):
    """A requirement of an agent that is not met; ``installed`` is the version there is, None without any."""

    agent: str
    requirement: str
    installed: str | None


def installed_version(package: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def requirements(entries: Mapping[str, AgentEntry]) -> dict[str, tuple[Requirement, ...]]:
    """Return what each enabled agent needs on this machine.

    Raises
    ------
    ConfigError
        A requirement cannot be read.
    """
    found = {}
    for name, entry in entries.items():
        if entry.enabled:
            read = [_read(name, text) for text in entry.packages]
            found[name] = tuple(each for each in read if each.marker is None or each.marker.evaluate())
    return found


def missing(entries: Mapping[str, AgentEntry], version_of: VersionOf = installed_version) -> list[Missing]:
    """Return every requirement that is not met, agent by agent.

    Raises
    ------
    ConfigError
        A requirement cannot be read.
    """
    found = []
    for name, needed in requirements(entries).items():
        for each in needed:
            version = version_of(canonicalize_name(each.name))
            if version is None or not _fits(each, version):
                found.append(Missing(name, str(each), version))
    return found


def install_command(lacking: Iterable[Missing]) -> list[str]:
    """Return the command that installs what is missing, for this interpreter."""
    return [sys.executable, "-m", "pip", "install", *dict.fromkeys(each.requirement for each in lacking)]


def describe(lacking: Iterable[Missing]) -> str:
    """Say in one line what is missing, and what installs it."""
    each = list(lacking)
    words = [f"{one.agent} needs {one.requirement} ({_has(one)})" for one in each]
    return f"{'; '.join(words)}; install with: {shlex.join(install_command(each))}"


def require(entries: Mapping[str, AgentEntry]) -> None:
    """Make sure that every package is there before anything starts.

    Raises
    ------
    ConfigError
        A requirement cannot be read.
    Fatal
        Something is missing; the message names all of it, and the command that installs it.
    """
    lacking = missing(entries)
    if lacking:
        raise Fatal(f"{describe(lacking)}, or run `boardroom doctor --fix`")


def install(lacking: Iterable[Missing]) -> None:
    """Install what is missing with this interpreter's pip.

    Raises
    ------
    Fatal
        The installation failed; the message has pip's own last line.
    """
    command = install_command(lacking)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    importlib.invalidate_caches()
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
        raise Fatal(f"{shlex.join(command)} failed: {words[:_SHOWN]}")


def _read(agent: str, text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        reason = " ".join(str(error).split("\n")[0].split())
        raise ConfigError(
            f'agents.{agent}.packages: "{text}" is not a requirement: {reason}; write it like "numba>=0.61"'
        ) from None


def _fits(requirement: Requirement, version: str) -> bool:
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def _has(one: Missing) -> str:
    return "not installed" if one.installed is None else f"{one.installed} is installed"
