"""The orchestrator: it asks the seats, settles the board, sizes the decision, and pays for what came true."""
