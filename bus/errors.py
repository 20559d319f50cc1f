"""The three reactions to trouble: try again, drop this input, or end."""


class BoardroomError(Exception):
    """Anything this project raises on purpose; its text says what, where and what to do."""


class Transient(BoardroomError):
    """The same call may succeed later: a socket is busy, a server is restarting."""


class Invalid(BoardroomError):
    """One input is bad: drop it, count it, tell the sender; the process goes on."""


class Fatal(BoardroomError):
    """The process cannot go on; the supervisor decides about a restart."""


class CodecError(Invalid):
    """A frame that is malformed, oversized, of an unknown kind or with a wrong body."""


class ConfigError(Fatal):
    """A configuration that does not say what the process needs to know."""


class JournalError(Fatal):
    """A journal that cannot be trusted or cannot be written."""
