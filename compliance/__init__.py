"""Compliance, the first gate: may the firm send this order."""
