"""Seat ORACLE: knows the market beforehand, so that a study can be checked against something worth having."""
