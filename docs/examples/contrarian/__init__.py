"""Seat CONTRARIAN: an example of a seat that lives outside the repository."""
