"""`boardroom prepare`: do what agents presume, where something other than the supervisor will start them."""

from pathlib import Path
from typing import Annotated

import typer

from bus.errors import Fatal
from bus.rundir import RunDir
from cli.options import ConfigOption, JsonOption, NewRunDirOption, console, errors, load, print_json
from ops.supervision import preparation
from ops.supervision.dealing import deal_firm


def prepare(
    config: ConfigOption = None,
    run_dir: NewRunDirOption = None,
    deal_to: Annotated[
        Path | None,
        typer.Option("--deal", help="Folder to write a run directory into for each process, with its keys alone."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make run directory, keys, trading sessions and kernels ready, and save the configuration; starts nothing."""
    settings = load(config, run_dir)
    if settings.firm.bus.mode == "simulated":
        raise Fatal("bus.mode is simulated, which has no processes to prepare for; set bus.mode to live")
    place = RunDir(settings.run_dir)
    place.create()
    lock = place.lock(preparation.SUPERVISOR)
    lock.acquire()
    try:
        here = preparation.running(place, settings.firm.agents)
        if here:
            raise Fatal(f"{', '.join(here)} of an earlier firm still run in {place.root}; end them, then prepare")
        made = preparation.prepare(
            settings, lambda what: errors.print(f"making: {what}", highlight=False, markup=False)
        )
        dealt = () if deal_to is None else deal_firm(settings, deal_to)
    finally:
        lock.release()
    if json:
        print_json({"run_dir": str(place.root), "made": made, "dealt": dealt})
        return
    console.print(f"{place.root} is ready for a firm", highlight=False, markup=False, soft_wrap=True)
    console.print(f"keys made: {', '.join(made) or 'none, all were there'}", highlight=False, soft_wrap=True)
    if dealt:
        console.print(f"dealt below {deal_to}: {', '.join(dealt)}", highlight=False, markup=False, soft_wrap=True)
