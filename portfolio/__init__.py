"""What a book is and may become: the limits it is held to, its drawdown budget, its exposures and its tail."""
