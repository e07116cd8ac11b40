"""Tests of the gateway: a real server, over real HTTP."""
