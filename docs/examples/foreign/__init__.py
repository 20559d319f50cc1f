"""Seat FOREIGN: an example of an agent that imports nothing of the firm."""
