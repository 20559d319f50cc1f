"""Seat QBMIA: a crowd of momentum and reversion traders in logit equilibrium, and what it holds."""
