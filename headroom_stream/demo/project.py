"""A small project with a fault that its tests find: what the second agent of the demo mends, for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SECONDS = 20.0
"""For a run of the tests, which takes a fraction of a second; a busy machine must not fail the demo."""

MONEY = '''"""Amounts of money in cents."""

from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


def parse(text):
    """Cents of an amount written as a decimal number."""
    return int((Decimal(text) / CENT).to_integral_value())


def share(cents, parts):
    """The amount in equal parts, whose sum is the amount."""
    each = cents // parts
    return [each] * parts


def discount(cents, percent):
    """The amount less a percentage, halves rounded to the even cent."""
    kept = Decimal(cents) * (100 - Decimal(percent)) / 100
    return int(kept.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def show(cents, currency="EUR"):
    """The amount as people write it."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole:,}.{rest:02} {currency}"
'''

FAULT = "    return [each] * parts\n"
MENDED = "    rest = cents - each * parts\n    return [each + 1] * rest + [each] * (parts - rest)\n"
"""What the fault is replaced by: the cents that are left over go to the first parts."""

LEDGER = '''"""Entries of a ledger and their sums."""

from shopping.money import parse, share, show


class Ledger:
    def __init__(self):
        self.entries = []

    def book(self, account, text):
        self.entries.append((account, parse(text)))

    def split(self, accounts, text):
        for account, cents in zip(accounts, share(parse(text), len(accounts))):
            self.entries.append((account, cents))

    def balance(self, account=None):
        return sum(cents for name, cents in self.entries if account in (None, name))

    def report(self):
        return [f"{name:<12}{show(self.balance(name)):>16}" for name in sorted({n for n, _ in self.entries})]
'''

_CASES = "".join(
    f"""
    def test_discount_{percent}_percent_of_{cents}(self):
        self.assertLessEqual(abs(money.discount({cents}, {percent}) - {cents} * {100 - percent} / 100), 0.5)
"""
    for cents in (1, 99, 250, 1000, 1999, 4999, 12345, 100000)
    for percent in (0, 5, 10, 15, 25, 50)
)
_SHARES = "".join(
    f"""
    def test_share_of_{cents}_in_{parts}_adds_up(self):
        self.assertEqual(sum(money.share({cents}, {parts})), {cents})
"""
    for cents, parts in ((100, 2), (99, 3), (1000, 8), (12345, 5), (100, 3), (2000, 7), (0, 4))
)

TESTS = f"""import unittest

from shopping import money
from shopping.ledger import Ledger


class MoneyTest(unittest.TestCase):
    def test_parse_reads_cents(self):
        self.assertEqual(money.parse("12.34"), 1234)

    def test_show_groups_thousands(self):
        self.assertEqual(money.show(123456789), "1,234,567.89 EUR")
{_SHARES}{_CASES}

class LedgerTest(unittest.TestCase):
    def test_split_books_the_whole_amount(self):
        ledger = Ledger()
        ledger.split(["anna", "ben", "carla"], "10.00")
        self.assertEqual(ledger.balance(), 1000)

    def test_report_lists_accounts_in_order(self):
        ledger = Ledger()
        ledger.book("rent", "-800")
        ledger.book("food", "-120.50")
        self.assertEqual([line.split()[0] for line in ledger.report()], ["food", "rent"])
"""


class Project:
    """The project's files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.money = root / "shopping" / "money.py"
        files = {
            "shopping/__init__.py": "",
            "shopping/money.py": MONEY,
            "shopping/ledger.py": LEDGER,
            "tests/__init__.py": "",
            "tests/test_shopping.py": TESTS,
            "README.md": "# shopping\n\nShared purchases, to the cent. Tests: `python -m unittest -v`.\n",
        }
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def run_tests(self, pattern: str = "") -> str:
        """Really run the tests (those whose name has `pattern`), give what was printed and the exit code."""
        chosen = ["-k", pattern] if pattern else []
        done = subprocess.run(
            [sys.executable, "-B", "-m", "unittest", "-v", *chosen],
            cwd=self.root,
            env={k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE"))} | {"NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return f"{done.stdout}{done.stderr}exit code {done.returncode}"

    def edit(self, path: Path, old: str, new: str) -> str:
        """Replace the one place where `old` stands."""
        text = path.read_text("utf-8")
        if text.count(old) != 1:
            return f"{path}: the text to replace stands there {text.count(old)} times, nothing changed"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return f"{path}: 1 replacement, {len(old.splitlines())} line out, {len(new.splitlines())} in"
