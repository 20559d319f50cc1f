"""Seat NOISE: believes whatever a generator says, so that a study can be checked against something worthless."""
