import pytest

from market.bar import parse_opened
from market.gap import find_gaps, missing_weekdays, most_frequent_distance


def moments(*texts: str) -> list[int]:
    return [parse_opened(text) for text in texts]


def test_weekends_and_single_holidays_of_daily_bars_are_no_gaps() -> None:
    days = moments("2008-12-22", "2008-12-23", "2008-12-24", "2008-12-26", "2008-12-29", "2008-12-30")
    assert list(find_gaps(days)) == []


def test_a_holiday_beside_a_weekend_is_no_gap() -> None:
    days = moments("2008-08-27", "2008-08-28", "2008-08-29", "2008-09-02", "2008-09-03")
    assert list(find_gaps(days)) == []


def test_two_missing_weekdays_are_a_gap() -> None:
    days = moments("2012-10-24", "2012-10-25", "2012-10-26", "2012-10-31", "2012-11-01")
    assert list(find_gaps(days)) == [(3, "2012-10-31 follows 2012-10-26, 2 weekdays missing")]


def test_a_market_that_trades_on_weekends_has_no_holidays() -> None:
    days = moments("2018-04-06", "2018-04-07", "2018-04-08", "2018-04-10", "2018-04-11")
    assert list(find_gaps(days)) == [(3, "2018-04-10 follows 2018-04-08, 1 bars of 86400 s missing")]


def test_daily_bars_stamped_in_local_time_stand_a_change_of_the_clock() -> None:
    days = moments("2008-03-06T05:00Z", "2008-03-07T05:00Z", "2008-03-10T04:00Z", "2008-03-11T04:00Z")
    assert list(find_gaps(days)) == []


def test_a_missing_minute_is_a_gap_and_jitter_is_none() -> None:
    minutes = moments("2018-04-04T00:00:00Z", "2018-04-04T00:01:00Z", "2018-04-04T00:02:10Z", "2018-04-04T00:04:00Z")
    assert list(find_gaps(minutes, 60.0)) == [
        (3, "2018-04-04T00:04:00Z follows 2018-04-04T00:02:10Z, 1 bars of 60 s missing")
    ]


def test_stated_spacing_wins_over_the_commonest() -> None:
    hours = moments("2018-04-04T00:00Z", "2018-04-04T01:00Z", "2018-04-04T02:00Z")
    assert len(list(find_gaps(hours, 60.0))) == 2
    assert list(find_gaps(hours)) == []


def test_commonest_distance_is_the_smaller_of_equals() -> None:
    assert most_frequent_distance([0, 5, 8]) == 3
    assert most_frequent_distance([0, 5, 10, 13]) == 5


@pytest.mark.parametrize("few", [[], [7]])
def test_fewer_than_two_bars_have_no_gap(few: list[int]) -> None:
    assert most_frequent_distance(few) == 0
    assert list(find_gaps(few)) == []


def test_weekdays_are_counted_strictly_between() -> None:
    friday, monday, wednesday = moments("2001-09-07", "2001-09-10", "2001-09-12")
    assert missing_weekdays(friday, monday) == 0
    assert missing_weekdays(monday, wednesday) == 1
    assert missing_weekdays(*moments("2001-09-10", "2001-09-17")) == 4
