"""Seat QBMIA: five strategies, each a game that the market may be playing, and the mixture of what they believe."""
