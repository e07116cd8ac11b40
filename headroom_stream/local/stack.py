"""Everything on one machine: broker, ClickHouse, workers and sink as child processes, started in seconds and watched."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from headroom_stream.analytics.store import connect
from headroom_stream.config import Settings, open_to_all
from headroom_stream.errors import LocalPartError
from headroom_stream.local.broker import start_broker
from headroom_stream.local.handover import child_environment, write_settings
from headroom_stream.local.ports import HOST, claim_port
from headroom_stream.local.processes import Child
from headroom_stream.sink.migrate import migrate
from headroom_stream.topics import ensure_topics

CLICKHOUSE_SECONDS = 60.0
"""Until ClickHouse answers: its program is half a gigabyte, which a cold disk takes long to read."""
ROLE_SECONDS = 60.0
"""Until a worker or sink is ready; joining a consumer group takes some seconds."""
SESSION_TIMEOUT_S = 3.0
"""Of workers here. The embedded broker keeps the next worker waiting for almost twice as long when one was killed."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds before a part that ended is started again, doubled while it ends soon: a part that can't run must not eat the machine."""
LASTING_SECONDS = 60.0
"""A part that ran this long is healthy, and its next restart waits the first pause again."""


class LocalStack:
    """An async context manager: inside, all parts run. Port 0: a free one.

    `data_dir` keeps ClickHouse's data and the logs; the broker keeps its topics in memory. `say` gets a line when a part ends by
    itself and is started again.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        data_dir: Path,
        kafka_port: int = 0,
        clickhouse_port: int = 0,
        workers: int = 1,
        worker: bool = True,
        sink: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._given = settings
        self.settings = settings
        """With the addresses of the parts, once inside."""
        self.data_dir = data_dir.absolute()
        self._ports = (kafka_port, clickhouse_port)
        self._roles = [("worker", f"worker-{n}") for n in range(1, workers + 1) if worker] + [("sink", "sink")] * sink
        self._say = say
        self.children: dict[str, Child] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._fatal: asyncio.Future[None] | None = None
        self._stopping = False

    async def __aenter__(self) -> Self:
        """Start all parts. Raises LocalPartError, and then nothing is left running."""
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop all parts: first those that read and write, then what they talk to."""
        await self._stop()

    async def run(self, stop: asyncio.Event) -> None:
        """Return when `stop` is set. Raises LocalPartError when the broker ends: no restart brings its topics back."""
        assert self._fatal is not None
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((stopping, self._fatal), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._fatal.done():
            self._fatal.result()

    async def _start(self) -> None:
        self._fatal = asyncio.get_running_loop().create_future()
        kafka_port, clickhouse_port = claim_port(self._ports[0], "Kafka"), claim_port(self._ports[1], "ClickHouse")
        self.settings = msgspec.structs.replace(
            self._given,
            # The embedded broker lets everyone in and speaks no TLS, whatever the settings ask of another.
            kafka=msgspec.structs.replace(open_to_all(self._given.kafka), brokers=f"{HOST}:{kafka_port}"),
            clickhouse=msgspec.structs.replace(self._given.clickhouse, url=f"http://{HOST}:{clickhouse_port}"),
            worker=msgspec.structs.replace(
                self._given.worker, session_timeout_s=min(self._given.worker.session_timeout_s, SESSION_TIMEOUT_S)
            ),
        )
        write_settings(self.settings, self._config)
        await _all(self._start_broker(kafka_port), self._start_clickhouse(clickhouse_port))
        await _all(ensure_topics(self.settings), asyncio.to_thread(self._migrate))
        await _all(*(self._start_role(role, name) for role, name in self._roles))
        self._watchers = [asyncio.create_task(self._watch(name, child)) for name, child in self.children.items()]

    @property
    def _config(self) -> Path:
        return self.data_dir / "settings.toml"

    def _log(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    async def _start_broker(self, port: int) -> None:
        self.children["broker"] = await start_broker(port, log=self._log("broker"))

    async def _start_clickhouse(self, port: int) -> None:
        store = str(self.data_dir / "clickhouse")
        await self._start_python("clickhouse", ["headroom_stream.local.clickhouse", "--port", str(port), "--data-dir", store])

    async def _start_role(self, role: str, name: str) -> None:
        brokers, clickhouse = self.settings.kafka.brokers, self.settings.clickhouse.url
        flags = ["--config", str(self._config), "--brokers", brokers, "--clickhouse", clickhouse]
        await self._start_python(name, ["headroom_stream", role, *flags])

    async def _start_python(self, name: str, module: Sequence[str]) -> None:
        child = Child(name, [sys.executable, "-m", *module], log=self._log(name), environ=child_environment())
        self.children[name] = child
        await child.start()
        await self._until_ready(name, child)

    async def _until_ready(self, name: str, child: Child) -> None:
        if name == "clickhouse":
            await child.until(child.says("clickhouse ready"), seconds=CLICKHOUSE_SECONDS)
        else:
            await child.until(child.says("sink started" if name == "sink" else "worker ready"), seconds=ROLE_SECONDS)

    def _migrate(self) -> None:
        client = connect(self.settings, database=False)
        migrate(client, self.settings)
        client.close()

    async def _watch(self, name: str, child: Child) -> None:
        clock = asyncio.get_running_loop().time
        pause = FIRST_PAUSE
        while True:
            started = clock()
            code = await child.wait()
            if self._stopping:
                return
            reason = f"{child.last_words()}; log: {child.log}"
            if name == "broker":
                assert self._fatal is not None
                self._fatal.set_exception(LocalPartError(f"the broker ended, and its topics with it: {reason}", {"code": code}))
                return
            pause = FIRST_PAUSE if clock() - started > LASTING_SECONDS else min(pause * 2, LONGEST_PAUSE)
            self._say(f"{name} ended with code {code} and starts again in {pause:.0f} s: {reason}")
            await asyncio.sleep(pause)
            try:
                await child.start()
                await self._until_ready(name, child)
            except LocalPartError as error:
                self._say(str(error))

    async def _stop(self) -> None:
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        stores = ("broker", "clickhouse")
        await asyncio.gather(*(c.stop() for n, c in self.children.items() if n not in stores))
        await asyncio.gather(*(c.stop() for n, c in self.children.items() if n in stores))
        if self._fatal is not None:
            self._fatal.cancel()


async def _all(*work: object) -> None:
    """Do them at once; the first error after all have ended, so that no start goes on behind our back."""
    results = await asyncio.gather(*work, return_exceptions=True)  # type: ignore[call-overload]  # awaitables of unlike results
    for result in results:
        if isinstance(result, BaseException):
            raise result
