"""Puts all agents into one process: backtest, replay, bench."""
