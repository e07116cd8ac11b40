"""Packages of npm for tests in Node, installed once as a lock file says."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.apache_kafka import cache_folder
from tests.support.children import spawn, stop, tail

NODE_MAJOR = 20
"""The first with all of node:test that the tests use."""
INSTALL_SECONDS = 100.0
"""Below pytest's limit for one test."""
_UNREACHABLE = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|E5\d\d|ERR_SOCKET_TIMEOUT)\b"
)


class NodeUnavailableError(Exception):
    """There is no Node or npm on this machine, or no registry in reach. Tests skip with this message."""


def node() -> str:
    """The program. Raises NodeUnavailableError."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise NodeUnavailableError(f"node and npm are not on PATH; install Node {NODE_MAJOR} or newer")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE_MAJOR:
        raise NodeUnavailableError(f"Node is {version}; {NODE_MAJOR} or newer is needed")
    return found


def install(project: Path) -> Path:
    """The `node_modules` of a folder with package.json and package-lock.json, fetched unless a finished copy is in the cache.

    Raises NodeUnavailableError where the registry can't be reached, and RuntimeError where npm refuses the lock file.
    """
    node()
    sources = [project / "package.json", project / "package-lock.json"]
    digest = hashlib.sha256(b"\0".join(one.read_bytes() for one in sources)).hexdigest()[:16]
    home = cache_folder() / f"npm-{digest}"
    if (home / "complete").is_file():
        return home / "node_modules"
    home.parent.mkdir(parents=True, exist_ok=True)
    # Installed beside and renamed when whole: neither a broken download nor two test runs at once leave half of it.
    with tempfile.TemporaryDirectory(prefix="npm-", dir=home.parent, ignore_cleanup_errors=True) as folder:
        fresh = Path(folder) / "fresh"
        fresh.mkdir()
        for one in sources:
            shutil.copy(one, fresh)
        _ci(fresh, Path(folder) / "npm.log")
        (fresh / "complete").touch()
        if not (home / "complete").is_file():
            shutil.rmtree(home, ignore_errors=True)
            fresh.rename(home)
    return home / "node_modules"


def _ci(folder: Path, log: Path) -> None:
    argv = ["npm", "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
    child = spawn(argv, log)
    try:
        code = child.wait(INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise NodeUnavailableError(f"`npm ci` took longer than {INSTALL_SECONDS:.0f} s; run again to go on") from None
    finally:
        stop(child)
    if code != 0:
        said = tail(log, 12)
        if _UNREACHABLE.search(log.read_text("utf-8", "replace")):
            raise NodeUnavailableError(f"`npm ci` does not reach its registry:\n{said}")
        raise RuntimeError(f"`npm ci` failed with code {code}:\n{said}")
