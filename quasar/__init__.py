"""Seat QUASAR: a learner of actions, a learner of a stream, and factors with a memory, in one mixture."""
