"""The HTTP API: what the npm package `headroom-ai` speaks, and passthrough to providers.

The server's process reads and answers requests, keeps what was left out and counts; compression is done by processes of its own
(`child`), each with its share of the sessions, so that the server always answers. `desk` is what they do, `pool` how they are reached.
"""
