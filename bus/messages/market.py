"""What the market process says."""

from decimal import Decimal

from bus.message import Message, Name, NonNegativeDecimal, Overflow, Part, Plane, PositiveDecimal, Priority


class Quote(Part):
    """The book at the opening of a bar: best prices, and the units offered there."""

    bid: PositiveDecimal
    ask: PositiveDecimal
    bid_size: NonNegativeDecimal
    ask_size: NonNegativeDecimal


class CorporateAction(Part):
    """What happened to a share before a bar opened.

    Each unit held before became ``split`` units; each of these is then paid ``dividend`` of money.
    """

    split: PositiveDecimal = Decimal(1)
    dividend: NonNegativeDecimal = Decimal(0)


class MarketUpdate(
    Message,
    kind="MARKET_UPDATE",
    plane=Plane.BROADCAST,
    priority=Priority.LOW,
    overflow=Overflow.LATEST,
    key="symbol",
    opens=True,
    senders=("market",),
):
    """A closed bar. ``bar`` counts a symbol's bars from 0 without gaps; ``opened_ns`` is the bar's opening time.

    ``quote`` is the book at the opening, where the source has one; ``action`` is what happened to the share before it.
    Prices of earlier bars are not adjusted by it: who keeps them does that.
    """

    symbol: Name
    bar: int
    opened_ns: int
    open: PositiveDecimal
    high: PositiveDecimal
    low: PositiveDecimal
    close: PositiveDecimal
    volume: NonNegativeDecimal
    quote: Quote | None = None
    action: CorporateAction | None = None


class Rejection(Part):
    """Rows of a source told apart for one reason; ``example`` names the first of them."""

    reason: str
    rows: int
    example: str


class DataReport(Message, kind="DATA_REPORT", plane=Plane.BROADCAST, overflow=Overflow.DROP, senders=("market",)):
    """What a source held for one symbol: rows read, accepted, and refused by reason.

    ``noted`` counts what was accepted as it is, but a reader should know of, such as a gap before a bar.
    """

    symbol: Name
    source: str
    rows: int
    accepted: int
    rejected: tuple[Rejection, ...]
    noted: tuple[Rejection, ...] = ()
