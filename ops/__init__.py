"""Runs and watches the firm: supervisor, recorder of the ledger, reports."""
