"""Configuration: TOML in a folder, overridden by ``BOARDROOM_*`` variables, checked whole before anything starts.

``firm.toml`` holds one table per agent beside [bus], [kernels], [models] and [agents]; ``limits.toml`` holds the
limits of the gates. Unknown keys are errors, and a limit has no default. The merged result is saved in the run
directory, so that a replay reads what the firm read.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from bus.errors import ConfigError, Fatal
from bus.secret import completed, stripped
from bus.tables import FIRM_FILE, T, Tables, checked, environment_tables, merged, origin, read_tables, refuse_passwords

LIMITS_FILE: Final = "limits.toml"
SAVED_FILE: Final = "config.json"
BOOK: Final = "book"
"""Table of limits.toml that belongs to no agent: what all hold the book to."""
SEAT: Final = "seat"

DEFAULT_PORTS: Final[Mapping[str, int]] = {
    "pads": 9090,
    "qbmia": 9091,
    "quasar": 9092,
    "quantum_amos": 9093,
    "risk": 9094,
    "compliance": 9095,
    "execution": 9096,
    "market": 9097,
    "ops": 9098,
    "recorder": 9099,
}


class Config(BaseModel):
    """Base of every configuration table: frozen, unknown keys refused, NaN and infinity refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def refuse_truth_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false where no switch is: they would pass for 1 and 0."""
        expected = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and expected is not bool and bool not in get_args(expected):
            raise ValueError("true and false mean nothing here")
        return value


class BusConfig(Config):
    """The [bus] table.

    ``mode`` simulated runs all agents in one process in virtual time; it is chosen here or by a command, never fallen
    back to. ``transport`` ipc uses sockets in the run directory, tcp the ``ports``, with CURVE. ``host`` is where the
    agents are that name no host of their own, ``bind`` the address on which each listens, its own host unless given.
    ``redis_auth`` acl logs in to Redis with the agent's own name and secret, as always to the embedded one, url with
    what the URL holds. ``keys`` is the folder of the firm's keys, from the folder of the configuration; empty is one
    in the run directory.
    ``journal_fsync_s`` is the longest time an input outside the gates and execution may stay unsynced.
    """

    mode: Literal["live", "simulated"] = "live"
    transport: Literal["ipc", "tcp"] = "ipc"
    host: str = "127.0.0.1"
    bind: str = ""
    ports: dict[str, Annotated[int, Field(ge=1, le=65_535)]] = Field(default_factory=lambda: dict(DEFAULT_PORTS))
    redis_url: Annotated[str, Field(pattern=r"^(embedded|unix://.+|rediss?://.+)$")] = "embedded"
    redis_auth: Literal["acl", "url"] = "url"
    message_ttl_s: float = Field(10.0, gt=0)
    inbox_messages: int = Field(10_000, ge=16)
    ring_messages: int = Field(4_096, ge=16)
    heartbeat_s: float = Field(0.5, gt=0)
    gap_timeout_s: float = Field(5.0, gt=0)
    retry_s: float = Field(0.2, gt=0)
    keys: str = ""
    journal_fsync_s: float = Field(1.0, gt=0)
    journal_segment_mb: int = Field(64, ge=1)
    snapshot_inputs: int = Field(10_000, ge=10)


class KernelsConfig(Config):
    """The [kernels] table: where the numeric kernels run, and whether they are compiled."""

    backend: Literal["cpu", "cuda", "auto"] = "cpu"
    jit: bool = True


class ModelsConfig(Config):
    """The [models] table: switches over whole families of models."""

    quantum: bool = True


class AgentEntry(Config):
    """One line of the process list: ``module`` is run as ``python -m module`` once the agents it ``needs`` are up.

    ``module`` is the agent's own name unless given; ``needs = ["*"]`` waits for all that have no such need themselves.
    ``host`` is the machine it runs on, where that is not [bus] host. A seat with ``replica_of`` is one more process of
    that seat: it reads that seat's table and answers for the symbols that fall to it. ``priority`` says what its loss
    means, ``restart`` when it is started again, ``packages`` what must be installed before ("numba>=0.61"), and
    ``memory_mb`` and ``cpu_percent`` what it may use; 0 is no limit.
    """

    enabled: bool = True
    module: str | None = None
    role: Literal["seat", "gate", "service"] = "service"
    needs: tuple[str, ...] = ()
    host: str = ""
    replica_of: str = ""
    priority: Literal["critical", "high", "medium"] = "high"
    restart: Literal["always", "on-failure", "never"] = "on-failure"
    packages: tuple[str, ...] = ()
    memory_mb: int = Field(0, ge=0)
    cpu_percent: float = Field(0.0, ge=0)

    def program(self, name: str) -> str:
        """Return the module that runs the agent of that name; a replica's is that of its seat."""
        return self.module or self.replica_of or name

    def command(self, name: str) -> tuple[str, ...]:
        """Return what follows the interpreter to run the agent of that name, all but the folders."""
        return ("-m", self.program(name), *(("--name", name) if self.replica_of else ()))


class FirmConfig(Config):
    """What every process of the firm must know: the bus and the process list."""

    bus: BusConfig = BusConfig()
    kernels: KernelsConfig = KernelsConfig()
    models: ModelsConfig = ModelsConfig()
    agents: dict[str, AgentEntry]

    @property
    def enabled(self) -> dict[str, AgentEntry]:
        """The agents that are switched on, in the order of the process list."""
        return {name: entry for name, entry in self.agents.items() if entry.enabled}

    @model_validator(mode="after")
    def _replicas_fit(self) -> Self:
        for name, entry in self.agents.items():
            if not (entry.replica_of and entry.enabled):
                continue
            original = self.agents.get(entry.replica_of)
            if original is None or not original.enabled or original.role != SEAT:
                raise ValueError(f"agents.{name}.replica_of = {entry.replica_of!r} names no enabled seat")
            if original.replica_of:
                raise ValueError(
                    f"agents.{name}.replica_of names {entry.replica_of}, itself a replica; name {original.replica_of}"
                )
            if entry.role != SEAT or entry.program(name) != original.program(entry.replica_of):
                raise ValueError(f"agents.{name} must have the role and the module of {entry.replica_of}, its seat")
        return self


class Settings:
    """A configuration, merged once; hands out checked tables.

    Parameters
    ----------
    folder
        Folder the configuration came from; relative paths in it start there.
    run_dir
        Folder of this firm's sockets, journals, ledger and locks.
    tables, limits
        Contents of firm.toml, environment and overrides applied, and of limits.toml.
    """

    def __init__(self, folder: Path, run_dir: Path, tables: Tables, limits: Tables) -> None:
        self.folder = folder
        self.run_dir = run_dir
        self._tables = tables
        self._limits = limits
        fixed = set(FirmConfig.model_fields)
        agents = tables.get("agents", {})
        known = fixed | {"ops"} | (set(agents) if isinstance(agents, dict) else set())
        for name in tables:
            if name not in known:
                raise ConfigError(
                    f"{origin(name, folder / FIRM_FILE)}: unknown table [{name}]; known are "
                    f"{', '.join(sorted(known))}; an agent of that name needs [agents.{name}] first"
                )
        common = {name: table for name, table in tables.items() if name in fixed}
        self.firm = checked(FirmConfig, common, folder / FIRM_FILE, "")
        self._tables = completed(tables, self.keys)
        self.firm = self.firm.model_copy(update={"bus": self.table("bus", BusConfig)})
        for name, entry in self.firm.agents.items():
            if entry.replica_of and name in tables:
                raise ConfigError(
                    f"{origin(name, folder / FIRM_FILE)}: table [{name}]: a replica reads the table of its seat, "
                    f"[{entry.replica_of}]; remove it"
                )
        for name in limits:
            if name != BOOK and name not in self.firm.agents:
                raise ConfigError(
                    f"{folder / LIMITS_FILE}: unknown table [{name}]; it would limit nothing: remove or correct it, or "
                    f"add [agents.{name}] to {FIRM_FILE}"
                )

    @classmethod
    def load(cls, folder: Path, run_dir: Path, overrides: Tables | None = None) -> Self:
        """Read ``folder``, then let the environment and last ``overrides`` win, table by table and key by key.

        Raises
        ------
        ConfigError
            Missing or broken file, unknown table, unknown variable, or a table that does not fit.
        """
        written = read_tables(folder / FIRM_FILE)
        refuse_passwords(written, folder / FIRM_FILE)
        tables = merged(written, environment_tables())
        return cls(folder, run_dir, merged(tables, overrides or {}), read_tables(folder / LIMITS_FILE))

    @classmethod
    def open(cls, run_dir: Path) -> Self:
        """Read the configuration that a firm saved in its run directory."""
        path = run_dir / SAVED_FILE
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            return cls(Path(saved["folder"]), run_dir, saved["tables"], saved["limits"])
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file; is {run_dir} the run directory of a firm?") from None
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: not a saved configuration: {error}; start the firm again") from None

    def elsewhere(self, run_dir: Path, replaced: Tables | None = None, *, keys: Path | None = None) -> Self:
        """Return the same configuration for another run directory, with some tables replaced whole.

        The ledger is then the one in that directory, wherever the firm's own may be, and so are the keys, unless
        the [bus] table or ``keys`` names their folder.
        """
        tables = {**self._tables, **(replaced or {})}
        if keys is not None:
            tables = merged(tables, {"bus": {"keys": str(keys.resolve())}})
        if "recorder" in tables:
            tables["recorder"] = {key: value for key, value in tables["recorder"].items() if key != "url"}
        return type(self)(self.folder, run_dir, tables, self._limits)

    def overridden(self, overrides: Tables) -> Self:
        """Return the same configuration with ``overrides`` winning, table by table and key by key."""
        return type(self)(self.folder, self.run_dir, merged(self._tables, overrides), self._limits)

    @property
    def keys(self) -> Path:
        """Folder of the keys that gates sign with: that of the [bus] table, or one in the run directory."""
        return self.folder / self.firm.bus.keys if self.firm.bus.keys else self.run_dir / "keys"

    def save(self) -> None:
        """Write the merged configuration into the run directory, without the passwords of its URLs.

        Raises
        ------
        Fatal
            It cannot be written there.
        """
        saved = {"folder": str(self.folder.resolve()), "tables": stripped(self._tables), "limits": self._limits}
        path = self.run_dir / SAVED_FILE
        temporary = path.with_suffix(f".{os.getpid()}.new")
        try:
            self.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_text(json.dumps(saved, indent=1, default=str), encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            raise Fatal(f"{path}: {error.strerror}; make it writable, or use another --run-dir") from None

    def table(self, name: str, model: type[T]) -> T:
        """Return table ``name`` of firm.toml as ``model``."""
        return checked(model, self._tables.get(name, {}), self.folder / FIRM_FILE, name)

    def limits(self, name: str, model: type[T]) -> T:
        """Return table ``name`` of limits.toml as ``model``; the environment cannot override a limit."""
        return checked(model, self._limits.get(name, {}), self.folder / LIMITS_FILE, name)
