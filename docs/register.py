"""The register of compliance as a table: ``python -m docs.register`` writes it into compliance.md."""

import re
from pathlib import Path
from typing import Final

from compliance.refusal import NUMBERS
from compliance.rules import REGISTER, RULES, STANDING

PAGE: Final = Path(__file__).parent / "compliance.md"
_MARK: Final = re.compile(r"(<!-- from the code: register -->\n).*?(<!-- end -->)", re.DOTALL)
_CHASSIS: Final = {
    "deadline": "The bar or the book that an order speaks of was not here in time.",
    "delivery": "Risk did not acknowledge an order that was passed on.",
}


def register() -> str:
    """Return a row for each rule: number, name, what it is, limit, unit, severity, when, and what to do."""
    judging, standing = {rule.id for rule in RULES}, {rule.id for rule in STANDING}
    lines = ["| rule | what it holds | limit | severity | when | what to do |", "|---|---|---|---|---|---|"]
    for number, rule in sorted(REGISTER.items()):
        when = " and ".join(word for word, rules in (("order", judging), ("book", standing)) if number in rules)
        holds = " ".join((type(rule).__doc__ or "").split("\n\n")[0].split())
        limit = f"`{rule.limit}`, {rule.unit}"
        lines.append(f"| {number} | `{rule.name}`: {holds} | {limit} | {rule.severity} | {when} | {rule.remedy} |")
    for name, number in NUMBERS.items():
        lines.append(
            f"| {number} | `{name}`: {_CHASSIS[name]} | its time to live | serious | order | see `boardroom status` |"
        )
    return "\n".join(lines) + "\n"


def compliance_page(page: str) -> str:
    """Return compliance.md with the register written from the code."""
    return _MARK.sub(lambda match: f"{match[1]}{register()}{match[2]}", page)


def main() -> None:
    """Write the register into the page."""
    PAGE.write_text(compliance_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
