"""The recorder: writes what the firm says into the ledger, and nothing else."""
