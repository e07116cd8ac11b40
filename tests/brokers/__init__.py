"""What the brokers do that the rest relies on, shown on each of them."""
