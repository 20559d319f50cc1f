"""`boardroom report`: how a firm is and has been, and what should be done about it."""

import time

from bus.client import Client
from cli.options import JsonOption, RunDirOption, print_json, saved
from ops.monitoring.report import as_text, report_of
from ops.monitoring.survey import Survey


def report(run_dir: RunDirOption = None, json: JsonOption = False) -> None:
    """Report on every agent, the score over time, and what to look at; with a reason and a remedy each."""
    settings = saved(run_dir)
    with Client(settings) as client:
        view = Survey(settings, client.statuses).view(time.monotonic(), time.time_ns())
    made = report_of(view)
    if json:
        print_json(made.model_dump(mode="json"))
    else:
        print(as_text(made), end="")
