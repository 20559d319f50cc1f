"""The halt on paper: real gates, real execution, a broker that errs, and what was true at the venue."""
