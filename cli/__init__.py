"""The `boardroom` command, one file a verb."""
