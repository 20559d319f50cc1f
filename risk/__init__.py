"""Risk, the second gate: should the firm take this order, and may it trade at all."""
