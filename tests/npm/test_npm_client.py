"""The npm package headroom-ai, from the registry and unmodified, against running gateways. What is tested stands in the .mjs files."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.children import free_port
from tests.support.gateway import running_gateway
from tests.support.npm import NodeUnavailableError, install, node
from tests.support.provider_stub import ProviderStub

HERE = Path(__file__).parent
README = (HERE.parents[1] / "README.md").read_text("utf-8")
RUN_SECONDS = 150
KEY, BUSY_KEY = "key-of-acme-to-this-gateway", "key-of-busy-to-this-gateway"
REQUESTS_PER_MINUTE = 60
BODY_BYTES = 100_000


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests beside their packages."""
    try:
        packages = install(HERE)
    except NodeUnavailableError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("npm") / "project"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules", "__pycache__", "*.py"))
    (folder / "node_modules").symlink_to(packages)
    return folder


@contextmanager
def silent_address() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.node
def test_all_of_the_npm_client_works_with_the_gateway(project: Path) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        upstream, refusing = stack.enter_context(ProviderStub()), stack.enter_context(ProviderStub())
        refusing.fail(418, "no coffee", kind="teapot", times=10)
        gateway = stack.enter_context(running_gateway(openai_url=upstream.openai_url, anthropic_url=upstream.url))
        strict = stack.enter_context(
            running_gateway(
                keys={"acme": KEY, "busy": BUSY_KEY},
                requests_per_minute=REQUESTS_PER_MINUTE,
                body_bytes=BODY_BYTES,
                anthropic_url=upstream.url,
                anthropic_key="key-of-the-gateway",
            )
        )
        hurried = stack.enter_context(running_gateway(timeout_s=0.0001, openai_url=closed, anthropic_url=refusing.url))
        servers = {
            "open": gateway.url,
            "strict": strict.url,
            "hurried": hurried.url,
            "upstream": upstream.url,
            "closed": closed,
            "silent": stack.enter_context(silent_address()),
            "key": KEY,
            "busyKey": BUSY_KEY,
            "requestsPerMinute": REQUESTS_PER_MINUTE,
            "bodyBytes": BODY_BYTES,
        }
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("HEADROOM_", "OPENAI_", "ANTHROPIC_"))}
        done = subprocess.run(
            [node(), "--test-reporter=spec", "headroom-ai.test.mjs"],
            cwd=project,
            env=environ | {"GATEWAYS_UNDER_TEST": json.dumps(servers)},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-12_000:]}\n{done.stderr[-4_000:]}"
    checked_upstream(upstream)


def checked_upstream(upstream: ProviderStub) -> None:
    """What went through the gateway to the providers: with the callers' keys, compressed unless audited, and nothing of ours."""
    sent = {(one.headers.get("authorization"), one.headers.get("x-api-key")): len(json.dumps(one.body)) for one in upstream.chats}
    for compressed, audited in (
        (("Bearer provider-key", None), ("Bearer openai-from-environment", None)),
        ((None, "provider-key"), (None, "anthropic-from-environment")),
        ((None, "key-of-the-gateway"), (None, "anthropic-from-environment")),
    ):
        assert sent[compressed] < sent[audited] / 2
    for one in upstream.chats:
        assert not [name for name in one.headers if name.startswith("x-headroom")]


@pytest.mark.node
def test_the_agent_of_the_readme_runs_as_printed(project: Path) -> None:
    found = re.search(r"<!-- test: node -->\n```js\n(.*?)```", README, re.DOTALL)
    assert found is not None
    (project / "readme.mjs").write_text(found[1], "utf-8")
    with running_gateway() as gateway:
        environ = os.environ | {"HEADROOM_BASE_URL": gateway.url}
        done = subprocess.run(
            [node(), "readme.mjs"], cwd=project, env=environ, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
    assert done.returncode == 0, done.stderr
    before, after = map(int, re.findall(r"(\d+) -> (\d+) tokens", done.stdout)[0])
    assert after < before / 10
    assert "W77 refused: no stock" in done.stdout
    assert "order W78 shipped" in done.stdout


def test_the_lock_file_names_no_other_registry_than_npms() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text("utf-8"))["packages"]
    fetched = {name: one for name, one in packages.items() if name}
    assert "node_modules/headroom-ai" in fetched
    for name, one in fetched.items():
        assert urlsplit(one["resolved"]).netloc == "registry.npmjs.org", name
        assert one["integrity"].startswith("sha512-"), name


def test_the_package_under_test_is_pinned() -> None:
    assert json.loads((HERE / "package.json").read_text("utf-8"))["dependencies"] == {"headroom-ai": "0.37.0"}
