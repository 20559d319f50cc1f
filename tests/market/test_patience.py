from market.patience import Patience

S = 10**9


def test_one_check_is_under_way_however_many_bars_pass() -> None:
    patience = Patience(60.0)
    assert patience.begin(0) == 60.0
    assert patience.begin(20 * S) is None
    assert patience.begin(45 * S) is None
    assert patience.check(60 * S, is_waiting=True) == 45.0
    assert patience.check(105 * S, is_waiting=True) is None
    assert patience.stalls == 1


def test_a_stall_is_counted_at_its_time_and_not_a_nanosecond_before() -> None:
    patience = Patience(60.0)
    patience.begin(0)
    assert patience.check(60 * S - 1, is_waiting=True) == 1e-9
    assert patience.stalls == 0
    assert patience.check(60 * S, is_waiting=True) is None
    assert patience.stalls == 1


def test_nothing_is_overdue_when_nothing_is_waited_for() -> None:
    patience = Patience(60.0)
    patience.begin(0)
    assert patience.check(99 * S, is_waiting=False) is None
    assert patience.stalls == 0
    assert patience.begin(100 * S) == 60.0


def test_it_gives_up_only_what_is_overdue_and_perhaps_lost() -> None:
    patience = Patience(60.0)
    patience.begin(0)
    patience.lose()
    assert not patience.gives_up()
    patience.check(60 * S, is_waiting=True)
    assert patience.gives_up()
    assert patience.lost == 1
    patience.begin(61 * S)
    assert not patience.gives_up()


def test_a_new_bar_is_checked_after_a_stall() -> None:
    patience = Patience(60.0)
    patience.begin(0)
    patience.check(60 * S, is_waiting=True)
    assert patience.begin(70 * S) == 60.0
    assert patience.waited_s(75 * S) == 5.0


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    patience = Patience(60.0)
    patience.begin(5 * S)
    patience.lose()
    copy = Patience(60.0)
    copy.restore(patience.snapshot())
    assert copy.snapshot() == patience.snapshot()
    assert copy.check(65 * S, is_waiting=True) is None
    assert copy.gives_up()
