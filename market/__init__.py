"""What the market is: feed process, sources, bars, and the windows other agents keep of them."""
