"""A long run of the whole firm at speed, and whether anything grows that should not."""
