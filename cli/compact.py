"""`boardroom compact`: make finished journal segments smaller, of a running firm too."""

from bus.compaction import Compacted
from bus.compaction import compact as compact_journal
from bus.rundir import RunDir
from cli.options import JsonOption, RunDirOption, console, print_json, saved

_MB = 1 << 20


def compact(run_dir: RunDirOption = None, json: JsonOption = False) -> None:
    """Compress the finished segments of every journal; replay, verify and recovery read them as before."""
    settings = saved(run_dir)
    folders = {name: RunDir(settings.run_dir).journal(name) for name in settings.firm.agents}
    done = {name: compact_journal(folder) for name, folder in folders.items() if folder.is_dir()}
    if json:
        print_json({name: each._asdict() for name, each in done.items()})
        return
    for name, each in done.items():
        console.print(f"{name}: {_words(each)}", highlight=False)
    if not done:
        console.print(f"{settings.run_dir}: no journal here", highlight=False, markup=False)


def _words(done: Compacted) -> str:
    if not done.segments:
        return "nothing to compress; the segment being written never is"
    return f"{done.segments} segments, {done.before / _MB:.1f} MB to {done.after / _MB:.1f} MB"
