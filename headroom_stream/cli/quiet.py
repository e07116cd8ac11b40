"""One line an error: the drivers' own log lines about it stay away."""

from __future__ import annotations

import logging


def quiet() -> None:
    """Python prints warnings of libraries where no handler is set up; commands that only ask have no use for them."""
    logging.getLogger().addHandler(logging.NullHandler())
