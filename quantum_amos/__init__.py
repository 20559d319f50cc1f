"""Seat QUANTUM AMOS: a Gaussian belief per factor about the next return."""
