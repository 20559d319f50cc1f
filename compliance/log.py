"""The log of violations: a hash chain of entries, and the life of each violation.

An entry is a violation at one stage of its life. Its digest is the SHA-256 of the digest before it and of every one of
its fields, each with its length before it, so that no field can be changed, and no entry left out or put in, without
the chain telling where.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from bus.messages import ComplianceViolation, Severity, ViolationStatus

PREFIX: Final = "boardroom compliance violation 1"
GENESIS: Final = "0" * 64
"""What the first entry is chained to."""
FIRM: Final = "*"
"""Symbol of a violation that is about the whole book."""
TRANSITIONS: Final[dict[ViolationStatus, tuple[ViolationStatus, ...]]] = {
    ViolationStatus.OPEN: (ViolationStatus.INVESTIGATING, ViolationStatus.REMEDIATED),
    ViolationStatus.INVESTIGATING: (ViolationStatus.REMEDIATED,),
    ViolationStatus.REMEDIATED: (ViolationStatus.CLOSED,),
    ViolationStatus.CLOSED: (),
}
MOST_DETAIL: Final = 1_000


class Finding(NamedTuple):
    """What was violated: the rule, what it measured beside its limit, and what would help."""

    rule_id: str
    rule: str
    severity: Severity
    symbol: str
    bar: int
    order_id: str | None
    value: float | None
    limit: float | None
    unit: str
    detail: str
    remedy: str


class Log:
    """The violations that are not closed, and the head of the chain.

    Parameters
    ----------
    remembered
        Remediated violations that wait for an operator to close them; the oldest beyond that close by themselves.
    """

    def __init__(self, remembered: int) -> None:
        self.entries = 0
        self.head = GENESIS
        self.opened = 0
        self._remembered = remembered
        self._last: dict[str, ComplianceViolation] = {}
        self._remediated: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._last)

    @property
    def pending(self) -> int:
        """Violations that nobody and nothing has remedied yet."""
        return len(self._last) - len(self._remediated)

    def status(self, violation_id: str) -> ViolationStatus | None:
        """Return where a violation stands; None for one that is closed or never was."""
        entry = self._last.get(violation_id)
        return None if entry is None else entry.status

    def open(self, finding: Finding) -> ComplianceViolation:
        """Enter a violation; return its entry."""
        self.opened += 1
        fields = finding._asdict() | {"detail": finding.detail[:MOST_DETAIL]}
        return self._enter(f"V{self.opened}", fields, ViolationStatus.OPEN, "")

    def move(self, violation_id: str, status: ViolationStatus, operator: str, detail: str) -> list[ComplianceViolation]:
        """Bring a violation to another stage of its life; return the entries, that of one that closed for it included.

        Raises
        ------
        ValueError
            It is not known, or may not go there; the message says which, in one line.
        """
        last = self._last.get(violation_id)
        if last is None:
            raise ValueError(f"{violation_id} is not a violation, or is closed; `boardroom violations` lists them")
        if status not in TRANSITIONS[last.status]:
            legal = " or ".join(TRANSITIONS[last.status])
            raise ValueError(f"{violation_id} is {last.status} and cannot become {status}, only {legal}")
        entries = [self._advance(last, status, operator, detail)]
        while len(self._remediated) > self._remembered:
            oldest = self._last[next(iter(self._remediated))]
            words = f"nobody closed it while {self._remembered} later ones were remediated"
            entries.append(self._advance(oldest, ViolationStatus.CLOSED, "", words))
        return entries

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.entries, self.head, self.opened, list(self._last.values()), list(self._remediated)]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.entries, self.head, self.opened, last, remediated = state
        self._last = {entry.violation_id: entry for entry in last}
        self._remediated = dict.fromkeys(remediated)

    def _advance(
        self, last: ComplianceViolation, status: ViolationStatus, operator: str, detail: str
    ) -> ComplianceViolation:
        fields = last.model_dump(include=set(Finding._fields)) | {"detail": detail[:MOST_DETAIL]}
        return self._enter(last.violation_id, fields, status, operator)

    def _enter(
        self, violation_id: str, fields: dict[str, Any], status: ViolationStatus, operator: str
    ) -> ComplianceViolation:
        self.entries += 1
        entry = ComplianceViolation(
            entry=self.entries, violation_id=violation_id, **fields, status=status, operator=operator,
            previous=self.head, digest=GENESIS,
        )  # fmt: skip
        self.head = digest(entry)
        entry = entry.model_copy(update={"digest": self.head})
        self._remediated.pop(violation_id, None)
        self._last[violation_id] = entry
        if status is ViolationStatus.REMEDIATED:
            self._remediated[violation_id] = None
        elif status is ViolationStatus.CLOSED:
            del self._last[violation_id]
        return entry


def digest(entry: ComplianceViolation) -> str:
    """Return the SHA-256 of an entry: of every field but the digest itself."""
    hashed = hashlib.sha256()
    for text in (PREFIX, *(_canonical(getattr(entry, name)) for name in _FIELDS)):
        data = text.encode()
        hashed.update(b"%d " % len(data))
        hashed.update(data)
        hashed.update(b"\n")
    return hashed.hexdigest()


def broken(entries: Iterable[ComplianceViolation]) -> str:
    """Return where a chain, given from its first entry on, breaks; empty where it is whole."""
    previous = GENESIS
    for number, entry in enumerate(entries, 1):
        if entry.entry != number:
            return f"entry {number} is missing: {entry.entry} comes in its place"
        if entry.previous != previous:
            return f"entry {number} ({entry.violation_id}) is not chained to the one before it"
        if entry.digest != digest(entry):
            return f"entry {number} ({entry.violation_id}) was changed after it was written"
        previous = entry.digest
    return ""


_FIELDS: Final = tuple(name for name in ComplianceViolation.model_fields if name != "digest")


def _canonical(value: object) -> str:
    """Return a field as text; a float by the shortest one that reads back as the same, an absent value unlike any."""
    if value is None:
        return "-"
    return f"={value!r}" if isinstance(value, float) else f"={value}"
