"""What each way of working an order costs, on the same orders in a market with quotes."""
