"""Detectors of manipulation in orders and trades, as pure functions over arrays of events.

No source of this firm has such events yet, so no seat calls these: they are a library, tested, with their ROC on
simulated order streams in docs/surveillance.md. They score traders to protect a desk from them, and do nothing else.
"""
