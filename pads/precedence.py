"""Whose order comes first: on some books it is another's, and PADS stands aside.

Risk shrinks a position that a tier of the drawdown budget leaves no room for, and beyond the budget the firm halts and
execution flattens the book. Both follow from the books alone (``portfolio.budget``), so PADS knows of them without a
word, waits for the order that comes, and proposes none of its own.
"""

import re
from typing import Final

from bus.messages import PortfolioUpdate
from portfolio.budget import DrawdownBudget, flattening_id

_FLATTENING: Final = re.compile(r"-x[0-9]+$")


def stand_aside(budget: DrawdownBudget, book: PortfolioUpdate, *, was_spent: bool) -> tuple[str, str | None]:
    """Return why PADS may propose nothing on the first book of a bar, and the id of the order that comes instead.

    Parameters
    ----------
    budget
        The drawdown budget, this book taken.
    was_spent
        Whether it was spent before. The halt flattens once: what is left on later books is at work already.

    Returns
    -------
    tuple
        An empty reason where PADS is free; None where no order is waited for.
    """
    if budget.is_spent:
        why = f"drawdown {budget.ladder.drawdown:.2%} is beyond the budget: the firm halts and is flattened"
        is_waited = not was_spent and _has_to_be_flattened(book)
        return why, flattening_id(book.symbol, book.bar, 1) if is_waited else None
    shrinking = budget.shrinking(book)
    if shrinking is None:
        return "", None
    why = f"drawdown {budget.ladder.drawdown:.2%}, tier {budget.ladder.tier}: risk shrinks the position"
    return f"{why} by {shrinking.quantity} units", shrinking.order_id


def _has_to_be_flattened(book: PortfolioUpdate) -> bool:
    """Tell whether something is held that no flattening order is at work on, as it would be in an earlier halt."""
    flattening = [each.order.symbol for each in book.working if _FLATTENING.search(each.order.order_id)]
    return any(each.quantity and each.symbol not in flattening for each in book.positions)
