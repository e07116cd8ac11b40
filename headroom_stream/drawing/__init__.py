"""What pages and plots have in common: round scales and their grid in SVG, and a page that stands by itself."""

from __future__ import annotations
