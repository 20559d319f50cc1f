"""An operator's signature over one exact command to one agent, and whether an agent is to obey it.

What is signed is text, one line a field: a prefix that no other signature of the firm shares, the recipient, and every
field of the command but its signature, each with its length in bytes before it, so that no two commands give one text.
docs/keys.md says it for a program in another language.
"""

from typing import Any, Final

from bus.agent import Agent
from bus.keys import OPERATORS, Signer, Verifier
from bus.message import OPS
from bus.messages import Command, CommandResult, RiskAlert, SystemCommand, record_of

PREFIX: Final = "boardroom command 1"
WINDOW_NS: Final = 30_000_000_000
"""How far from the receiver's time, either way, the time may be at which a command was issued."""
LONGEST_NONCE: Final = 64
REMEMBERED: Final = 1_000
"""How many commands are remembered however old they are, so that a clock set back brings none of them back."""
SEVERITY: Final = 0.5
"""Enough for an operator to look at, too little for PADS to sell by: a stranger must not steer the firm."""
_OPS_MAY: Final = (Command.HALT,)
_NS: Final = 1_000_000_000
_SHOWN: Final = 16


def statement(recipient: str, command: SystemCommand) -> bytes:
    """Return what an operator signs."""
    status = "" if command.status is None else command.status.value
    fields = (
        *(PREFIX, recipient, command.command.value, command.symbol or "", command.reason, command.operator),
        *("yes" if command.is_new_budget else "no", command.violation_id or "", status, command.agent or ""),
        *(str(command.issued_ns), command.nonce, command.key),
    )
    return b"".join(b"%d %b\n" % (len(field), field) for field in map(str.encode, fields))


def sign_command(signer: Signer, command: SystemCommand, recipient: str, now_ns: int, nonce: str) -> SystemCommand:
    """Sign a command to one agent; ``nonce`` must be one that no other command of this signer has."""
    key, _ = signer.sign(b"", now_ns)
    issued = command.model_copy(update={"issued_ns": now_ns, "nonce": nonce, "key": key})
    return issued.model_copy(update={"signature": signer.sign(statement(recipient, issued), now_ns)[1]})


class Authority:
    """Whose commands one agent obeys, and which it has obeyed.

    Parameters
    ----------
    recipient
        The agent: a command to another is none to it.
    verifier
        The public keys of operators and of ops.
    """

    def __init__(self, recipient: str, verifier: Verifier) -> None:
        self.recipient = recipient
        self.refused = 0
        self._verifier = verifier
        self._seen: dict[str, int] = {}

    def objection(self, command: SystemCommand, now_ns: int) -> str:
        """Return why a command is not to be obeyed; empty when it is, and then it is not to be obeyed again."""
        why = self._objection(command, now_ns)
        if why:
            self.refused += 1
            return why
        self._seen[command.nonce] = command.issued_ns
        self._forget(now_ns)
        return ""

    def turn_away(self, agent: Agent, command: SystemCommand) -> CommandResult | None:
        """Refuse in public what the agent at hand is not to obey, and alert the firm; None when it is to."""
        why = self.objection(command, agent.now_ns)
        if not why:
            return None
        sender = agent.conversation.sender
        result = CommandResult(is_done=False, detail=f"{command.command} refused: {why}")
        agent.publish(record_of(command, sender, result))
        reason = f"{command.command} from {sender} refused: {why}"
        agent.publish(RiskAlert(symbol="*", severity=SEVERITY, source=agent.name, reason=reason))
        return result

    def _objection(self, command: SystemCommand, now_ns: int) -> str:
        if not command.signature:
            return "it is not signed"
        holder = self._verifier.holder(command.key, OPERATORS)
        if holder is None:
            return f"no key {command.key[:_SHOWN]!a} of an operator is known"
        signed = statement(self.recipient, command)
        what = f"command as it came to {self.recipient}"
        why = self._verifier.objection(holder, command.key, signed, command.signature, now_ns, of=what)
        if why:
            return why
        if holder == OPS and command.command not in _OPS_MAY:
            return f"{OPS} may {' and '.join(_OPS_MAY)}, not {command.command}"
        return self._staleness(command, now_ns)

    def _staleness(self, command: SystemCommand, now_ns: int) -> str:
        if not 0 < len(command.nonce) <= LONGEST_NONCE:
            return f"its nonce has {len(command.nonce)} characters, not 1 to {LONGEST_NONCE}"
        if command.nonce in self._seen:
            return "it was given before, and a command is obeyed once"
        age_ns = now_ns - command.issued_ns
        if abs(age_ns) <= WINDOW_NS:
            return ""
        age = f"{abs(age_ns) / _NS:.1f} s {'ago' if age_ns > 0 else 'from now'}"
        return f"it was issued {age}, more than {WINDOW_NS // _NS} s; set the clocks, and give it anew"

    def _forget(self, now_ns: int) -> None:
        """Forget the oldest of too many, once they are refused for their age."""
        while len(self._seen) > REMEMBERED:
            nonce, issued_ns = next(iter(self._seen.items()))
            if now_ns - issued_ns <= WINDOW_NS:
                return
            del self._seen[nonce]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"refused": self.refused, "seen": list(self._seen.items())}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.refused = state["refused"]
        self._seen = dict(state["seen"])
