"""Seat QUASAR: online logistic regression over ten indicators."""
