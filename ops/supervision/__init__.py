"""Keeps the processes of a firm up: starts, takes over, restarts, stops, and halts when it cannot."""
