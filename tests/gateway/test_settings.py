"""Settings of the gateway: where they come from; that each has an effect is shown here or where it is named."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path

import pytest
from click.testing import CliRunner

from headroom_stream.cli import cli
from headroom_stream.config import GatewaySettings
from headroom_stream.errors import LocalPartError
from headroom_stream.settings import load_settings
from tests.gateway.talks import KEY, TALK, bearer, compress
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.processes import Programs
from tests.support.provider_stub import ProviderStub, Reply

SHOWN_BY = {
    "host": "test_access.py",
    "port": "test_settings.py",
    "keys": "test_access.py",
    "processes": "test_processes.py",
    "cache_bytes": "test_processes.py",
    "originals_bytes": "test_retrieve.py",
    "originals_s": "test_retrieve.py",
    "body_bytes": "test_limits.py",
    "pending_bytes": "test_limits.py",
    "requests_per_minute": "test_access.py",
    "timeout_s": "test_limits.py",
    "read_timeout_s": "test_limits.py",
    "stop_timeout_s": "test_settings.py",
    "openai_url": "test_passthrough.py",
    "anthropic_url": "test_passthrough.py",
    "openai_key": "test_passthrough.py",
    "anthropic_key": "test_passthrough.py",
    "upstream_timeout_s": "test_passthrough.py",
    "store_url": "test_stats.py",
}
"""Which file has the test of a setting's effect."""


def test_every_setting_has_a_test_of_its_effect() -> None:
    assert set(SHOWN_BY) == set(GatewaySettings.__struct_fields__)
    for name, file in SHOWN_BY.items():
        assert name in Path(__file__).with_name(file).read_text(encoding="utf-8"), name


def test_settings_come_from_the_file_and_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "headroom.toml"
    path.write_text(f'[gateway]\nport = 9000\nrequests_per_minute = 60\n[gateway.keys]\nacme = "{KEY}"\n')
    own = load_settings(config=path, environ={"HEADROOM_STREAM_GATEWAY__PORT": "9001"}).gateway
    assert (own.port, own.requests_per_minute, own.keys) == (9001, 60, {"acme": KEY})


def test_the_policy_of_the_settings_is_that_of_all_calls() -> None:
    policy = load_settings(
        environ={"HEADROOM_STREAM_POLICY__PRESET": "conservative", "HEADROOM_STREAM_POLICY__EMIT": "delta"}
    ).policy
    with running_gateway(policy) as gateway:
        for end in (4, 10):
            answer = compress(gateway, TALK[:end], config={"session_id": "s"}).json()
            assert answer["lossless"]
            assert len(answer["messages"]) == end


def test_the_command_serves_until_it_is_told_to_stop(programs: Programs) -> None:
    environ = {"HEADROOM_STREAM_GATEWAY__KEYS__ACME": KEY, "HEADROOM_STREAM_GATEWAY__STOP_TIMEOUT_S": "5"}
    program = programs.headroom("gateway", "--port", "0", "--processes", "1", "--json", env=environ)
    ready = json.loads(program.wait_for(r'\{"event":"ready".*\}')[0])
    assert ready["authentication"]
    gateway = RunningGateway(ready["url"])
    assert compress(gateway, headers=bearer(KEY)).status == 200
    assert compress(gateway).status == 401
    os.kill(program.pid, signal.SIGTERM)
    assert program.wait() == 0
    text = program.output()
    assert "acme POST /v1/compress 200" in text
    assert "- POST /v1/compress 401" in text
    assert "Which flight?" not in text
    assert KEY not in text
    assert '{"event":"stopped"}' in text


@pytest.mark.parametrize(("seconds", "answered"), [(10.0, [200]), (0.05, [])])
def test_requests_at_work_are_finished_when_it_stops(seconds: float, answered: list[int]) -> None:
    statuses: list[int] = []
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    with ProviderStub() as stub:
        stub.reply(Reply("late", delay_s=1))
        with running_gateway(openai_url=stub.openai_url, stop_timeout_s=seconds) as gateway:

            def ask() -> None:
                with contextlib.suppress(OSError, HTTPException):
                    statuses.append(gateway.post("/v1/chat/completions", body).status)

            thread = threading.Thread(target=ask)
            thread.start()
            while not stub.requests:
                time.sleep(0.005)
        thread.join()
    assert statuses == answered


def test_the_command_says_what_is_wrong_with_its_settings() -> None:
    outcome = CliRunner().invoke(cli, ["gateway", "--host", "0.0.0.0"])
    assert "gateway.keys" in str(outcome.exception)
    outcome = CliRunner().invoke(cli, ["gateway", "--port", "70000"])
    assert "port" in str(outcome.exception)


def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    with running_gateway() as gateway:
        port = int(gateway.url.rpartition(":")[2])
        with pytest.raises(LocalPartError, match=str(port)), running_gateway(port=port):
            pass
        assert gateway.get("/livez").status == 200


def test_the_help_teaches() -> None:
    text = CliRunner().invoke(cli, ["gateway", "--help"]).output
    assert all(
        word in text
        for word in ("curl", "session_id", "ANTHROPIC_BASE_URL", "HEADROOM_STREAM_GATEWAY__KEYS__ACME", "/openapi.json")
    )
