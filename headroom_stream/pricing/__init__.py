"""What a call costs under prompt caching. Prices are dated data (`prices.toml`); the arithmetic is exact integers."""
