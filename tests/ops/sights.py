"""Statuses and views made by hand."""

from bus.messages import AgentState, AgentStatus
from ops.monitoring.monitor import Health, Seen
from ops.monitoring.view import AgentView, FirmView, Mode

AT_NS = 1_700_000_000_000_000_000
MODE = Mode(bus="live", transport="ipc", redis="embedded", data="demo", broker="paper")


def status(name: str = "a", *, inputs: int = 0, inbox: int = 0, incarnation: int = 1, **fields: object) -> AgentStatus:
    told = {
        "agent": name, "state": AgentState.READY, "pid": 100 + incarnation, "incarnation": incarnation,
        "inputs": inputs, "inbox": inbox, "counters": (), "streams": (), "report": (),
    }  # fmt: skip
    return AgentStatus.model_validate(told | fields)


def well(name: str, now_s: float) -> Seen:
    return Seen(name, status(name, inputs=int(now_s)), now_s, 0.0, is_running=True)


def down(name: str) -> Seen:
    return Seen(name, None, 0.0, 0.0, is_running=False)


def agent_view(name: str, health: Health = Health.HEALTHY, **fields: object) -> AgentView:
    told = {"name": name, "role": "service", "priority": "high", "health": health}
    return AgentView.model_validate(told | fields)


def firm_view(*agents: AgentView, **fields: object) -> FirmView:
    told = {
        "at_ns": AT_NS, "run_dir": "/firm", "watcher": "supervisor", "watcher_pid": 7, "mode": MODE, "score": 1.0,
        "failed": (), "failed_share": 0.0, "is_emergency": False, "disk_free_mb": 50_000.0, "agents": agents,
    }  # fmt: skip
    return FirmView.model_validate(told | fields)
