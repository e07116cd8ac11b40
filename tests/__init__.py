"""Tests of headroom-stream. A package, so that `tests.support` can be imported and file names may repeat between folders."""
