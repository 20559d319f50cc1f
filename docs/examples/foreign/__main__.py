"""A seat made of ZeroMQ and msgpack alone: what docs/wire.md asks of an agent, as any language could do it.

It believes the prior, which it reads in the question, so it need not wait for bars or feedback; it sends no broadcasts
and receives no reliable messages, so it needs neither Redis nor a journal.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgpack
import zmq

NAME: Final = "foreign"
BUNDLE: Final = b"\xc1"
BUS_TTL_MS: Final = 5_000
ANSWER_TTL_MS: Final = 10_000


class Foreign:
    """The sockets of the agent, and how many messages it has sent."""

    def __init__(self, run_dir: Path) -> None:
        context: zmq.Context[Any] = zmq.Context.instance()
        self.router = context.socket(zmq.ROUTER)
        self.router.bind(f"ipc://{run_dir}/sockets/{NAME}.sock")
        self.dealers: dict[str, Any] = {}
        for name in json.loads((run_dir / "config.json").read_text())["tables"]["agents"]:
            if name != NAME:
                self.dealers[name] = context.socket(zmq.DEALER)
                self.dealers[name].setsockopt(zmq.IDENTITY, NAME.encode())
                self.dealers[name].connect(f"ipc://{run_dir}/sockets/{name}.sock")
        self.born_ns = time.time_ns()
        self.sent = self.handled = 0

    def frame(self, kind: str, recipient: str, ttl_ms: int, body: dict[str, Any], about: list[Any] | None) -> bytes:
        """Return a frame; one ``about`` a message stays in its conversation."""
        self.sent += 1
        own = f"{NAME}@{self.born_ns}:{self.sent}"
        conversation, cause = (about[1], about[0]) if about else (own, "")
        priority = 2 if kind == "DECISION_RESPONSE/1" else 1
        header = [own, conversation, cause, kind, NAME, recipient, 0, time.time_ns(), ttl_ms, priority]
        packed: bytes = msgpack.packb([*header, body])
        return packed

    def serve(self) -> None:
        """Greet everybody, then answer whoever asks."""
        for name, dealer in self.dealers.items():
            dealer.send(self.frame("HELLO/1", name, BUS_TTL_MS, {"incarnation": 1}, None))
        while True:
            identity, part = self.router.recv_multipart()
            for frame in msgpack.unpackb(part[1:]) if part[:1] == BUNDLE else [part]:
                *header, body = msgpack.unpackb(frame)
                if header[3] == "PING/1":
                    answer = self.frame("AGENT_STATUS/1", header[4], BUS_TTL_MS, self.status(), header)
                    self.router.send_multipart([identity, answer])
                elif header[3] == "DECISION_REQUEST/1":
                    self.handled += 1
                    self.dealers[header[4]].send(
                        self.frame("DECISION_RESPONSE/1", header[4], ANSWER_TTL_MS, believe(body), header)
                    )

    def status(self) -> dict[str, Any]:
        """Return the body of an AGENT_STATUS."""
        counts = {"incarnation": 1, "inputs": self.handled, "inbox": 0, "counters": [], "streams": [], "report": []}
        return {"agent": NAME, "state": "ready", "pid": os.getpid(), **counts}


def believe(request: dict[str, Any]) -> dict[str, Any]:
    asked = {key: request[key] for key in ("round_id", "symbol", "bar")}
    view = {"belief": request["prior"], "confidence": 0.5, "choice": "HOLD", "expected_return": 0.0}
    return {**asked, **view, "reasons": [["prior", 1.0]]}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Foreign(Path(sys.argv[sys.argv.index("--run-dir") + 1])).serve()
