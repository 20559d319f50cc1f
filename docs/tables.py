"""The tables of the documentation that are written from the code: kinds and bodies, keys of the configuration.

``python -m docs.tables`` writes them into wire.md and configuration.md; a test fails while a page differs. Units and
meanings of keys are written by hand, in configuration.md itself, and kept.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from bus.config import AgentEntry, BusConfig, Config, KernelsConfig, ModelsConfig
from bus.message import AGENTS, GUESTS, SEATS, Message, Part, Plane, registry
from compliance.config import ComplianceConfig, ComplianceLimits
from docs.words import CONFIGURATION, WIRE, describe, parts_of, shown
from execution.config import ExecutionConfig
from market.config import MarketConfig
from ops.config import OpsConfig
from ops.recorder.config import RecorderConfig
from pads.config import PadsConfig
from portfolio.limits import BookLimits
from qbmia.config import QbmiaConfig
from quantum_amos.config import QuantumAmosConfig
from quasar.config import QuasarConfig
from risk.config import RiskConfig, RiskLimits

HERE: Final = Path(__file__).parent
FIRM: Final[dict[str, type[Config]]] = {
    "bus": BusConfig,
    "kernels": KernelsConfig,
    "models": ModelsConfig,
    "agents.NAME": AgentEntry,
    "market": MarketConfig,
    "pads": PadsConfig,
    "qbmia": QbmiaConfig,
    "quasar": QuasarConfig,
    "quantum_amos": QuantumAmosConfig,
    "risk": RiskConfig,
    "compliance": ComplianceConfig,
    "execution": ExecutionConfig,
    "recorder": RecorderConfig,
    "ops": OpsConfig,
}
LIMITS: Final[dict[str, type[Config]]] = {"book": BookLimits, "risk": RiskLimits, "compliance": ComplianceLimits}
OF_THE_BUS: Final = ("ACK", "AGENT_STATUS", "HELLO", "PING", "RESEND", "RESEND_UNAVAILABLE")
"""Kinds that runtimes say to each other; their time to live is the bus's own."""
_BUS_TTL: Final = "never ends"
_GROUPS: Final = {AGENTS: "all agents", SEATS: "all seats", GUESTS: "guests"}
_MARK: Final = re.compile(r"(<!-- from the code: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_HEADING: Final = re.compile(r"^### `(limits )?\[+([\w.]+)\]+`$")


class Section(NamedTuple):
    """One table of a configuration file: its heading, its model, and the value its defaults come from."""

    title: str
    model: type[Config]
    instance: Config | None


def kinds() -> list[type[Message]]:
    """Return the kinds that cross a wire, in the order of planes and names."""
    found = [kind for kind in registry().values() if kind.__module__.startswith("bus.messages.")]
    crossing = [kind for kind in found if kind.PLANE is not Plane.LOCAL]
    return sorted(crossing, key=lambda kind: (kind.PLANE is Plane.BROADCAST, kind.KIND))


def kinds_table() -> str:
    """Return how each kind travels, and who may send it."""
    heads = ("kind", "plane", "delivery", "priority", "time to live", "full inbox", "lawful senders")
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for kind in kinds():
        delivery = kind.DELIVERY.value if kind.PLANE is Plane.DIRECT else "sequenced"
        if kind.KIND.startswith("AGENT_STATUS/"):
            delivery = "heartbeat"
        overflow = f"latest of a {kind.KEY}" if kind.KEY else kind.OVERFLOW.value
        cells = (
            *(f"`{kind.KIND}`", kind.PLANE.value, delivery, str(int(kind.PRIORITY)), _time_to_live(kind), overflow),
            ", ".join(_GROUPS.get(name, name) for name in kind.SENDERS),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def bodies() -> str:
    """Return the fields of every kind that crosses a wire, and of the parts inside them."""
    found: list[type[Part]] = []
    for kind in kinds():
        for part in parts_of(kind):
            if part not in found:
                found.append(part)
    described = [_body(kind, f"`{kind.KIND}`") for kind in kinds()]
    inside = [_body(part, part.__name__) for part in sorted(found, key=lambda part: part.__name__)]
    return "\n".join([*described, "### Maps inside bodies\n", *inside])


def sections(tables: dict[str, type[Config]], prefix: str = "") -> Iterator[Section]:
    """Yield the sections of a configuration file, every nested table after the one that holds it."""
    for name, model in tables.items():
        yield from _nested(f"{prefix}[{name}]", name, model, None, prefix)


def keys(section: Section) -> list[tuple[str, str, str]]:
    """Return (key, type, default) of what a table holds itself; tables inside it are sections of their own."""
    rows = []
    for name, field in section.model.model_fields.items():
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, Config)):
            default = field.get_default(call_default_factory=True)
            if section.instance is not None:
                default = getattr(section.instance, name)
            text = "required" if default is PydanticUndefined else f"`{shown(default)}`"
            rows.append((name, describe(field.annotation, field.metadata, CONFIGURATION), text))
    return rows


def wire_page(page: str) -> str:
    """Return wire.md with its marked parts written from the code."""
    made: dict[str, Callable[[], str]] = {"kinds": kinds_table, "bodies": bodies}
    return _MARK.sub(lambda match: f"{match[1]}{made[match[2]]()}{match[3]}", page)


def configuration_page(page: str) -> str:
    """Return configuration.md with keys, types and defaults from the code, and units and meanings as they were."""
    known = {section.title: section for section in (*sections(FIRM), *sections(LIMITS, "limits "))}
    lines: list[str] = []
    section: Section | None = None
    for line in page.splitlines():
        heading = _HEADING.match(line)
        if line.startswith("#"):
            section = known.get(line.removeprefix("### ").strip("`")) if heading else None
        if not (section and line.startswith("|")):
            lines.append(line)
        elif line.startswith("| key |"):
            lines += _rows(section, page)
    return "\n".join(lines) + "\n"


def meanings(page: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (unit, meaning) by (section title, key) as a page has them."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    title = ""
    for line in page.splitlines():
        if line.startswith("#"):
            title = line.removeprefix("### ").strip("`")
        elif line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            found[title, cells[0].strip("`")] = (cells[-2], cells[-1])
    return found


def _rows(section: Section, page: str) -> list[str]:
    written = meanings(page)
    lines = ["| key | type | default | unit | meaning |", "|---|---|---|---|---|"]
    for name, kind, default in keys(section):
        unit, meaning = written.get((section.title, name), ("", ""))
        lines.append(f"| `{name}` | {kind} | {default} | {unit} | {meaning} |")
    return lines


def _nested(title: str, path: str, model: type[Config], instance: Config | None, prefix: str) -> Iterator[Section]:
    yield Section(title, model, instance)
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True) if instance is None else getattr(instance, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Config):
            inner = f"{path}.{name}"
            inside = None if default is PydanticUndefined else default
            yield from _nested(f"{prefix}[{inner}]", inner, field.annotation, inside, prefix)
            continue
        for part in parts_of(model, name):
            is_list = field.annotation is not None and getattr(field.annotation, "__origin__", None) is tuple
            inner = f"{path}.{name}" if is_list else f"{path}.{name}.NAME"
            title = f"{prefix}[[{inner}]]" if is_list else f"{prefix}[{inner}]"
            if issubclass(part, Config):
                yield from _nested(title, inner, part, None, prefix)


def _time_to_live(kind: type[Message]) -> str:
    if kind.KIND.split("/")[0] in OF_THE_BUS:
        return _BUS_TTL
    if kind.TTL_S is not None:
        return f"{kind.TTL_S:g} s"
    return "`bus.message_ttl_s`" if kind.PLANE is Plane.DIRECT else "never ends"


def _body(model: type[BaseModel], title: str) -> str:
    said = " ".join((model.__doc__ or "").split()).replace("``", "`")
    rows = ["| field | type |", "|---|---|"]
    for name, field in model.model_fields.items():
        absent = "" if field.is_required() else "; may be left out"
        rows.append(f"| `{name}` | {describe(field.annotation, field.metadata, WIRE)}{absent} |")
    table = "\n".join(rows) if model.model_fields else "An empty map."
    return f"#### {title}\n\n{said}\n\n{table}\n"


def main() -> None:
    """Write the tables into the pages."""
    for name, write in (("wire.md", wire_page), ("configuration.md", configuration_page)):
        path = HERE / name
        path.write_text(write(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
