"""Holes in a sequence of opening times: reported, never filled.

Daily bars that never fall on a weekend are counted in weekdays, and one missing weekday is taken for a public holiday,
because without the exchange's calendar the two look the same. Two or more missing weekdays are reported, also where
the exchange was closed, as in September 2001.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final

import numpy as np

from market.bar import opened_at, show_opened

DAY_S: Final = 86_400

_NS: Final = 1_000_000_000
_SATURDAY: Final = 5


def find_gaps(opened_ns: Sequence[int], spacing_s: float | None = None) -> Iterator[tuple[int, str]]:
    """Yield (index of the bar after the gap, what is missing) for increasing opening times; half a bar is jitter.

    Parameters
    ----------
    spacing_s
        Expected seconds between bars; None takes the most frequent distance.
    """
    spacing_ns = most_frequent_distance(opened_ns) if spacing_s is None else round(spacing_s * _NS)
    if not spacing_ns:
        return
    is_weekly = spacing_ns == DAY_S * _NS and not any(_is_weekend(moment) for moment in opened_ns)
    for index, (before, after) in enumerate(pairwise(opened_ns), start=1):
        if after - before <= spacing_ns:
            continue
        missing = missing_weekdays(before, after) if is_weekly else round((after - before) / spacing_ns) - 1
        if missing > int(is_weekly):
            unit = "weekdays" if is_weekly else f"bars of {spacing_ns / _NS:g} s"
            yield index, f"{show_opened(after)} follows {show_opened(before)}, {missing} {unit} missing"


def most_frequent_distance(opened_ns: Sequence[int]) -> int:
    """Return the commonest difference of successive times in nanoseconds, the smaller of equals; 0 for under two."""
    distances = Counter(after - before for before, after in pairwise(opened_ns))
    return min(distances, key=lambda distance: (-distances[distance], distance), default=0)


def missing_weekdays(before_ns: int, after_ns: int) -> int:
    """Count the days from Monday to Friday strictly between the days of two moments."""
    begin = opened_at(before_ns).date() + timedelta(days=1)
    return int(np.busday_count(begin, opened_at(after_ns).date()))


def _is_weekend(moment_ns: int) -> bool:
    return opened_at(moment_ns).weekday() >= _SATURDAY
