"""What the drawdown budget does to a firm that is caught fully invested by a falling market."""
