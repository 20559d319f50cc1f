"""Faults injected into a running firm by a seeded schedule, and what became of its ledger."""
