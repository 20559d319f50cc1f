"""Pure numbers: arrays and scalars in, new arrays out; numpy, numba and math only."""
