"""Helpers of the tests: real brokers, programs as children, and the little Kafka that tests speak themselves."""
