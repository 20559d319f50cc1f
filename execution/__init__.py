"""Execution: turns approved orders into fills at a broker, and owns the book."""
