"""Tables of configuration: read from TOML and the environment, laid over each other, and refused in one clear line."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from bus.errors import ConfigError
from bus.keyfile import VARIABLES
from bus.secret import ENDING, ENV_PREFIX, hide, open_urls

FIRM_FILE: Final = "firm.toml"
_SHOWN: Final = 60
_RESERVED_VARIABLES: Final = frozenset({"RUN_DIR", "CONFIG"})
Tables = dict[str, Any]
T = TypeVar("T", bound=BaseModel)


def read_tables(path: Path) -> Tables:
    """Return the tables of a TOML file.

    Raises
    ------
    ConfigError
        There is none, or it is broken.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{path}: no such file; give the folder of configuration with --config") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; make it readable") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}; correct it") from None


def refuse_passwords(tables: Tables, path: Path) -> None:
    """Refuse a password in a file that is copied, shown and kept under version control.

    Raises
    ------
    ConfigError
        There is one.
    """
    for where in open_urls(tables):
        raise ConfigError(
            f"{path}: {where} holds a password; take it out, and put it into the file {where}{ENDING} among the keys, "
            f"mode 600, or into {VARIABLES}{where.upper().replace('.', '_')}_PASSWORD"
        )


def environment_tables() -> Tables:
    """Return ``BOARDROOM_TABLE__KEY[__KEY]=value`` as nested tables; a value is TOML if it parses, else text.

    Raises
    ------
    ConfigError
        A variable names no key, or two give one key a table and a value.
    """
    tables: Tables = {}
    for variable, text in sorted(os.environ.items()):
        if not variable.startswith(ENV_PREFIX):
            continue
        path = variable.removeprefix(ENV_PREFIX).split("__")
        if path[0] in _RESERVED_VARIABLES or variable.startswith(VARIABLES):
            continue
        if len(path) < 2:
            raise ConfigError(f"environment variable {variable}: expected {ENV_PREFIX}TABLE__KEY; unset or correct it")
        place = tables
        for key in path[:-1]:
            place = place.setdefault(key.lower(), {})
            if not isinstance(place, dict):
                raise ConfigError(
                    f"environment variable {variable}: another one gives {key} a value; unset one of them"
                )
        place[path[-1].lower()] = _value(text)
    return tables


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def merged(base: Tables, over: Mapping[str, Any]) -> Tables:
    """Return two nested tables as one in which ``over`` wins, key by key."""
    found = dict(base)
    for key, value in over.items():
        mine = found.get(key)
        found[key] = merged(mine, value) if isinstance(mine, dict) and isinstance(value, Mapping) else value
    return found


def checked(model: type[T], table: Any, path: Path, name: str) -> T:
    """Return a table of a file as ``model``.

    Raises
    ------
    ConfigError
        It does not fit; one line says where and why.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise ConfigError(_describe(error, path, name)) from None


def origin(where: str, path: Path) -> str:
    """Tell where a key or table of firm.toml comes from: a variable of the environment wins over the file."""
    wanted = ENV_PREFIX + where.upper().replace(".", "__")
    if path.name == FIRM_FILE:
        for variable in sorted(os.environ):
            if variable == wanted or ("." not in where and variable.startswith(f"{wanted}__")):
                return f"environment variable {variable}"
    return str(path)


def _describe(error: ValidationError, path: Path, name: str) -> str:
    """Put the first complaint of pydantic into one line, and count the rest."""
    errors = error.errors(include_url=False)
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    where = ".".join(str(part) for part in (name, *first["loc"]) if part != "")
    match first["type"]:
        case "missing":
            text = f"{where} is missing; state it, there is no default"
        case "extra_forbidden":
            text = f"{where} is not a known key; remove or correct it"
        case "value_error" if isinstance(first["input"], dict):
            text = f"{where and f'{where}: '}{first['ctx']['error']}; correct it"
        case _:
            text = f"{where} = {_shown(first['input'])}: {first['msg'].removeprefix('Value error, ')}"
    place = origin(where, path) if first["loc"] else str(path)
    return f"{place}: {text}" if len(errors) == 1 else f"{place}: {text} (and {len(errors) - 1} more)"


def _shown(value: Any) -> str:
    text = hide(repr(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
