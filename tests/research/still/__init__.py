"""Seat STILL: believes the prior, so that the board has a second voice whoever else is switched off."""
