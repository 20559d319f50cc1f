"""Passwords in URLs of the configuration: given by file or environment, and never written down or shown.

The password of a URL that stands at ``TABLE.KEY`` lies in ``TABLE.KEY.password`` among the keys of the firm, one line
of text, or comes from the environment: alone, as ``BOARDROOM_SECRET_TABLE_KEY_PASSWORD``, or in the whole URL, as
``BOARDROOM_TABLE__KEY``.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from bus.errors import ConfigError
from bus.keyfile import PRIVATE, VARIABLES, contents, is_there, variable

ENV_PREFIX: Final = "BOARDROOM_"
ENDING: Final = ".password"
_SCHEME: Final = "://"
_HIDDEN: Final = "***"
_QUERY: Final = "password"
_TOLD: Final = re.compile(r":(?!//)[^\s'\"]*@")
_TOLD_IN_QUERY: Final = re.compile(r"([?&]password=)[^\s&'\"#]*", re.IGNORECASE)

_PRIVATE: Final = (".key", ".curve.key", ".redis.key")
_SECRET: Final = ("_KEY", "_PASSWORD")

Tables = dict[str, Any]


def hide(text: str) -> str:
    """Return a text in which the passwords of all URLs are stars."""
    return _TOLD_IN_QUERY.sub(rf"\g<1>{_HIDDEN}", _TOLD.sub(f":{_HIDDEN}@", text))


def without_password(url: str) -> str:
    """Return a URL without its password; whatever is no URL comes back as it is."""
    if _SCHEME not in url:
        return url
    try:
        parts = urlsplit(url)
        login, at, place = parts.netloc.rpartition("@")
        if not at:
            _ = parts.port  # a password with / or # in it ends what is before the host too early
    except ValueError:
        return hide(url)
    user = login.partition(":")[0]
    netloc = f"{user}@{place}" if user else place
    query = "&".join(each for each in parts.query.split("&") if each.partition("=")[0].lower() != _QUERY)
    if netloc == parts.netloc and query == parts.query:
        return url
    return f"{parts.scheme}{_SCHEME}{netloc}{parts.path}" + (f"?{query}" if query else "")


def with_password(url: str, password: str) -> str:
    """Return a URL that has no password with one."""
    scheme, _, rest = url.partition(_SCHEME)
    end = min((rest.find(mark) for mark in "/?#" if mark in rest), default=len(rest))
    user, _, place = rest[:end].rpartition("@")
    return f"{scheme}{_SCHEME}{user}:{quote(password, safe='')}@{place}{rest[end:]}"


def has_password(url: str) -> bool:
    """Tell whether a URL holds a password."""
    return without_password(url) != url


def open_urls(tables: Mapping[str, Any]) -> list[str]:
    """Return where URLs with a password stand in tables, as TABLE.KEY."""
    found: list[str] = []

    def look(where: str, url: str) -> str:
        found.extend([where] if has_password(url) else [])
        return url

    _mapped(tables, look, "")
    return found


def stripped(tables: Tables) -> Tables:
    """Return tables without the passwords of their URLs."""
    return _mapped(tables, lambda _, url: without_password(url), "")


def completed(tables: Tables, folder: Path) -> Tables:
    """Return tables whose URLs have the passwords that files in ``folder`` or the environment hold for them.

    Raises
    ------
    ConfigError
        A file cannot be read, is open to others, or holds no password.
    """
    return _mapped(tables, lambda where, url: _whole(where, url, folder), "")


def own_environment(environment: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the environment for the process of ``name``: of the private keys and passwords in it only its own.

    Whoever holds none, such as the Redis server, is nobody: the empty name.
    """
    mine = {variable(Path(f"{name}{ending}")) for ending in _PRIVATE} if name else set()
    tables = (_upper(name), "BUS") if name else ()
    return {key: value for key, value in environment.items() if key in mine or not _is_anothers(key, value, tables)}


def _is_anothers(key: str, value: str, tables: Iterable[str]) -> bool:
    """Tell whether a variable holds a private key, or a password in a URL of none of these tables."""
    if key.startswith(VARIABLES):
        place, mark = key.removeprefix(VARIABLES), "_"
        if not place.endswith(_SECRET):
            return False
        tables = () if place.endswith(_SECRET[0]) else tables
    else:
        place, mark = key.removeprefix(ENV_PREFIX), "__"
        if not key.startswith(ENV_PREFIX) or not has_password(value):
            return False
    return not any(place.startswith(f"{table}{mark}") for table in tables)


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _whole(where: str, url: str, folder: Path) -> str:
    if has_password(url):
        return url
    given = os.environ.get(ENV_PREFIX + where.upper().replace(".", "__"), "").strip("\"'")
    if has_password(given) and without_password(given) == url:
        return given
    path = folder / f"{where}{ENDING}"
    if not is_there(path):
        return url
    password = contents(path, PRIVATE).decode(errors="replace").strip()
    if not password or len(password.split()) > 1:
        raise ConfigError(f"{path}: not one word; put the password of {where} there, and nothing else")
    return with_password(url, password)


def _mapped(tables: Mapping[str, Any], change: Callable[[str, str], str], where: str) -> Tables:
    """Return tables with every URL in them put through ``change``, which is told where it stands."""
    mapped: Tables = {}
    for key, value in tables.items():
        if isinstance(value, Mapping):
            mapped[key] = _mapped(value, change, f"{where}{key}.")
        elif isinstance(value, str) and _SCHEME in value:
            mapped[key] = change(f"{where}{key}", value)
        else:
            mapped[key] = value
    return mapped
