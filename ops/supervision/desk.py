"""Where operators reach ops: stops and starts single agents by signed command, each obeyed once."""

from bus.command import Authority
from bus.errors import Fatal
from bus.message import OPS
from bus.messages import Command, CommandResult, SystemCommand
from ops.supervision.guard import Step
from ops.supervision.stops import Stop
from ops.supervision.upkeep import Upkeep


class Desk:
    """Obeys the commands STOP and START.

    Parameters
    ----------
    authority
        Whose commands are obeyed.
    upkeep
        Who stops and starts agents.
    since_ns
        When this desk was opened; what was issued before is refused, as nobody knows whether it was obeyed then.
    """

    def __init__(self, authority: Authority, upkeep: Upkeep, *, since_ns: int) -> None:
        self._authority = authority
        self._upkeep = upkeep
        self._entries = upkeep.entries
        self._since_ns = since_ns

    def obey(self, command: SystemCommand, now_s: float, now_ns: int) -> tuple[CommandResult, Step]:
        """Do as commanded, or say why not; ``now_s`` is monotonic, ``now_ns`` since the epoch."""
        name = command.agent or ""
        subject = name if name in self._entries else OPS
        why = self._objection(command, now_ns)
        if why:
            detail = f"{command.command} refused: {why}"
            return CommandResult(is_done=False, detail=detail), Step("refused", subject, detail)
        try:
            step = self._do(command, name, now_s, now_ns)
        except Fatal as error:
            return CommandResult(is_done=False, detail=str(error)), Step("refused", subject, str(error))
        return CommandResult(is_done=True, detail=step.detail), step

    def _do(self, command: SystemCommand, name: str, now_s: float, now_ns: int) -> Step:
        if command.command is Command.STOP:
            return self._upkeep.stop(name, Stop(command.operator, command.reason, now_ns), now_s)
        return self._upkeep.release(name, command.operator, command.reason)

    def _objection(self, command: SystemCommand, now_ns: int) -> str:
        why = self._authority.objection(command, now_ns)
        if why:
            return why
        if command.issued_ns < self._since_ns:
            return "it was issued before this supervisor began; give it anew"
        if command.command not in (Command.STOP, Command.START):
            return "ops obeys stop and start only"
        name = command.agent or ""
        if name not in self._entries:
            return f"{name or 'nobody'} is not an agent that runs here; there are {', '.join(self._entries)}"
        if not command.reason.strip():
            return "it gives no reason, and one is recorded"
        is_stopped, is_idle = name in self._upkeep.stops, self._upkeep.fleet.pid(name) is None
        if command.command is Command.STOP and is_stopped:
            return f"{name} is stopped already"
        if command.command is Command.START and not is_idle and not is_stopped:
            return f"{name} runs already"
        return ""
