"""Transforms used directly."""
