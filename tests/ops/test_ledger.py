"""The ledger: facts once, whatever the order, the number of tellings and the database."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, create_engine, event, func, inspect, select, text
from sqlalchemy.dialects import registry

from bus.errors import ConfigError, Fatal, Transient
from bus.messages import OrderStatus
from ops.compare import comparable, differences
from ops.ledger import MOST_WAITING_FLUSHES, Ledger
from ops.recorder.rows import Stamp, bar_rows
from ops.schema import FACT_TABLES, bars, equity, metadata, orders, strategies, strategy_performance, trades
from ops.statement import DIALECTS, idempotent_insert
from tests.ops.conftest import MakeLedger
from tests.ops.story import MEMBERS, Bus, bar, book, feedback, order, record, report, story

POSTGRES = "TEST_POSTGRES_URL"
AT = Stamp("market:1", 1, 2)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in each database."""
    url = f"sqlite:///{tmp_path / 'one.sqlite'}"
    if request.param == "postgresql":
        url = os.environ.get(POSTGRES, "")
        if not url:
            pytest.skip(f"set {POSTGRES} to the URL of an empty PostgreSQL database to test against it")
        engine = create_engine(url)
        metadata.drop_all(engine)
        engine.dispose()
    ledger = Ledger.create(url)
    yield ledger
    ledger.engine.dispose()


def test_has_the_tables_of_the_mission(ledger: Ledger) -> None:
    names = inspect(ledger.engine).get_table_names()
    wanted = {"trades", "strategies", "strategy_performance", "risk_events", "system_events", "fibonacci_levels"}
    assert wanted <= set(names)


def test_a_story_told_twice_changes_nothing(ledger: Ledger) -> None:
    before = comparable(record(ledger, story()))
    assert comparable(record(ledger, story(started_ns=99))) == before
    assert {name: len(rows) for name, rows in before.items()} == {
        "bars": 24,
        "beliefs": 144,
        "compliance_violations": 2,
        "decisions": 24,
        "equity": 24,
        "execution_costs": 1,
        "fibonacci_levels": 1,
        "fills": 4,
        "order_risks": 1,
        "orders": 4,
        "position_risks": 1,
        "risk_events": 1,
        "risk_reports": 1,
        "scores": 132,
        "settlements": 22,
        "strategies": 6,
        "strategy_performance": 132,
        "system_events": 6,
        "trades": 2,
        "verdicts": 12,
    }


def test_databases_hold_the_same(ledger: Ledger, make_ledger: MakeLedger) -> None:
    assert differences(record(ledger, story()), record(make_ledger("other"), story())) == []


def test_runs_at_other_times_and_with_other_buffers_are_equal(make_ledger: MakeLedger) -> None:
    first = record(make_ledger("first", flush_rows=1), story())
    second = record(make_ledger("second"), story(started_ns=10**18))
    assert differences(first, second) == []
    stamp = select(bars.c.sent_ns).limit(1)
    assert first.read(stamp) != second.read(stamp)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), flush_rows=st.integers(1, 60))
def test_neither_order_nor_repetition_matters(data: st.DataObject, flush_rows: int) -> None:
    told = story(6)
    shuffled = data.draw(st.permutations(told))
    again = data.draw(st.lists(st.sampled_from(told), max_size=10))
    straight, crooked = Ledger.create("sqlite://"), Ledger.create("sqlite://", flush_rows=flush_rows)
    assert differences(record(straight, told), record(crooked, [*shuffled, *again])) == []
    straight.close()
    crooked.close()


def test_differences_name_the_row_and_the_column(make_ledger: MakeLedger) -> None:
    first, second = record(make_ledger("first"), story()), record(make_ledger("second"), story())
    with second.engine.begin() as connection:
        connection.execute(text("UPDATE decisions SET action = 'SELL' WHERE decision_id = 'SPY-4'"))
        connection.execute(text("DELETE FROM fills WHERE order_id = 'IBM-3-1' AND report = 3"))
        connection.execute(text("UPDATE bars SET message_id = 'other', recorded_ns = 7"))
    assert differences(first, second) == [
        "decisions SPY-4: action HOLD != SELL",
        "fills IBM-3-1 3: only in the first ledger",
    ]
    assert differences(second, first)[1] == "fills IBM-3-1 3: only in the second ledger"


def test_a_trade_is_the_exact_sum_of_its_fills(ledger: Ledger) -> None:
    record(ledger, story())
    trade = ledger.read(select(trades).where(trades.c.order_id == "SPY-3-1"))[0]
    assert (trade.fills, trade.quantity, trade.average_price) == (2, Decimal(10), Decimal("102.7"))
    assert (trade.fees, trade.slippage, trade.first_bar, trade.last_bar) == (Decimal("0.10"), Decimal("-0.02"), 4, 4)


def test_a_trade_grows_with_its_order(ledger: Ledger) -> None:
    bus, of = Bus(), order("SPY", 3)
    record(ledger, [bus.stamp(report(of, 2, OrderStatus.PARTIAL, "4", "4"), "execution")])
    assert ledger.read(select(trades.c.quantity, trades.c.average_price)) == [(Decimal(4), Decimal("102.1"))]
    record(ledger, [bus.stamp(report(of, 3, OrderStatus.FILLED, "6", "10"), "execution")])
    assert ledger.read(select(trades.c.quantity, trades.c.average_price)) == [(Decimal(10), Decimal("102.7"))]


def test_totals_run_over_a_symbols_rounds(ledger: Ledger) -> None:
    record(ledger, story())
    columns = strategy_performance.c
    rows = ledger.read(
        select(strategy_performance).where(columns.symbol == "SPY", columns.member == "qar").order_by(columns.settled)
    )
    assert [row.settled for row in rows] == [row.scored_total for row in rows] == list(range(1, 12))
    excess = profit = 0.0
    for row in rows:
        excess, profit = excess + row.excess, profit + row.profit
        assert (row.excess_total, row.profit_total) == (excess, profit)


def test_a_member_without_belief_scores_nothing_and_still_has_its_profit(ledger: Ledger) -> None:
    record(ledger, story())
    absent = ledger.read(select(strategies).where(strategies.c.member == MEMBERS[0]))[0]
    assert (absent.settled, absent.scored, absent.log_score, absent.excess) == (22, 0, 0.0, 0.0)
    assert absent.profit < 0


def test_a_strategy_has_the_weight_of_its_last_round_in_market_time(ledger: Ledger) -> None:
    record(ledger, story())
    columns = strategy_performance.c
    last = select(columns.weight).where(columns.symbol == "SPY", columns.settled == 11, columns.member == "qstar")
    assert ledger.read(select(strategies.c.weight).where(strategies.c.member == "qstar")) == ledger.read(last)


def test_members_are_there_before_anything_is_settled(ledger: Ledger) -> None:
    record(ledger, story(1))
    assert ledger.read(select(strategies.c.member, strategies.c.weight).order_by("member")) == [
        (name, 0.1) for name in MEMBERS
    ]


def test_the_latest_report_tells_where_an_order_stands(ledger: Ledger) -> None:
    bus, of = Bus(), order("SPY", 3)
    record(ledger, [bus.stamp(report(of, 3, OrderStatus.FILLED, "6", "10"), "execution")])
    record(ledger, [bus.stamp(report(of, 1, OrderStatus.ACCEPTED), "execution")])
    assert ledger.read(select(orders.c.status, orders.c.filled)) == [("filled", Decimal(10))]


def test_the_latest_version_of_the_book_counts(ledger: Ledger) -> None:
    bus = Bus()
    told = [book(8, "SPY", 3, Decimal(8)), book(9, "SPY", 3, Decimal(9)), book(7, "SPY", 3, Decimal(7))]
    record(ledger, [bus.stamp(one, "execution") for one in told])
    assert ledger.read(select(equity.c.version, equity.c.equity, equity.c.gross)) == [(9, Decimal(9), Decimal(202))]


def test_decimals_are_exact(ledger: Ledger) -> None:
    exact = "123456789012345678901234567.8900"
    record(ledger, [Bus().stamp(bar("SPY", 1).model_copy(update={"volume": Decimal(exact)}), "market")])
    assert str(ledger.read(select(bars.c.volume))[0].volume) == exact


def test_a_row_the_database_cannot_hold_is_left_out_and_counted(ledger: Ledger) -> None:
    told = story(3)
    bad = bar("SPY", 1).model_copy(update={"bar": 2**63})
    record(ledger, [*told[:9], Bus().stamp(bad, "market"), *told[9:]])
    assert ledger.rows_refused == 1
    assert ledger.last_refusal.startswith("bars SPY: ")
    twin = Ledger.create("sqlite://")
    assert differences(ledger, record(twin, told)) == []
    twin.close()


def test_nothing_is_computed_from_a_row_that_was_left_out(ledger: Ledger) -> None:
    bad = feedback("SPY", 2, 3).model_copy(update={"bar": 2**63})
    record(ledger, [*story(3), Bus().stamp(bad, "pads")])
    assert ledger.rows_refused == 1
    assert ledger.last_refusal.startswith("settlements SPY-2: ")
    rounds = select(strategy_performance.c.settled).where(strategy_performance.c.symbol == "SPY").distinct()
    assert ledger.read(rounds.order_by("settled")) == [(1,), (2,)]


def test_reading_sees_what_waits(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    ledger.add(bar_rows(bar("SPY", 1), AT))
    assert ledger.waiting == 1
    assert len(ledger.read(select(bars))) == 1
    assert ledger.waiting == 0


def test_a_full_buffer_is_written(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(flush_rows=3)
    waiting = []
    for number in range(4):
        ledger.add(bar_rows(bar("SPY", number), AT))
        waiting.append(ledger.waiting)
    assert waiting == [1, 2, 0, 1]
    assert ledger.rows_written == 3


def test_a_busy_database_is_tried_again(make_ledger: MakeLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.ledger._BUSY_TIMEOUT_S", 0.01)
    ledger, other = make_ledger(flush_rows=2), make_ledger()
    with other.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        for number in range(5):
            ledger.add(bar_rows(bar("SPY", number), AT))
        assert (ledger.waiting, ledger.rows_written) == (5, 0)
        with pytest.raises(Transient, match=r"5 rows wait, the database says: database is locked"):
            ledger.flush()
    ledger.flush()
    assert (ledger.waiting, ledger.rows_written) == (0, 5)
    assert len(ledger.read(select(bars))) == 5


def test_a_full_disk_ends_the_process_with_one_line_and_leaves_nothing_half_written(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(flush_rows=1)
    ledger.engine.dispose()
    event.listen(ledger.engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    ledger.add(bar_rows(bar("SPY", 0), AT))
    number = 0
    while ledger.waiting < MOST_WAITING_FLUSHES - 1:
        number += 1
        ledger.add(bar_rows(bar("SPY", number), AT))
    with pytest.raises(Fatal, match="database or disk is full") as caught:
        ledger.add(bar_rows(bar("SPY", number + 1), AT))
    assert "\n" not in str(caught.value)
    kept = make_ledger().read(select(func.count()).select_from(bars))[0][0]
    assert kept == number + 2 - MOST_WAITING_FLUSHES


def test_a_missing_ledger_is_not_made_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "none.sqlite"
    with pytest.raises(ConfigError, match=r"none\.sqlite: no such file"):
        Ledger.open(f"sqlite:///{path}")
    assert not path.exists()


def test_a_reader_sees_what_the_writer_wrote(make_ledger: MakeLedger) -> None:
    written = record(make_ledger(), story())
    reader = Ledger.open(str(written.engine.url))
    assert differences(reader, written) == []
    reader.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:secret@h/d", r"mysql://u:\*\*\*@h/d: this database is not supported"),
        ("nonsense", "not one of SQLAlchemy's"),
        ("sqlite+nonsense:///a.db", "not one of SQLAlchemy's"),
        ("postgresql+pg8000://u:secret@h/d", "the driver pg8000 is not installed"),
    ],
)
def test_a_url_that_does_not_fit_is_named(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        Ledger.create(url)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look like something else entirely\n" * 50)
    for open_it in (Ledger.create, Ledger.open):
        with pytest.raises(Fatal, match=r"notes\.txt: cannot be opened: file is not a database"):
            open_it(f"sqlite:///{path}")


def test_another_schema_is_refused(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    with ledger.engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    with pytest.raises(Fatal, match="has schema 99, this program reads schema 2"):
        Ledger.create(str(ledger.engine.url))


def test_a_database_of_something_else_is_refused_for_reading(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.sqlite'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE songs (name TEXT)"))
    engine.dispose()
    with pytest.raises(Fatal, match="is no ledger"):
        Ledger.open(url)


@pytest.mark.parametrize("table", FACT_TABLES, ids=str)
@pytest.mark.parametrize("name", DIALECTS)
def test_every_insert_minds_rows_that_are_there(table: Table, name: str) -> None:
    dialect = registry.load(name)()
    assert "ON CONFLICT" in str(idempotent_insert(table, name).compile(dialect=dialect))
