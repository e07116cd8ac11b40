"""HeadroomClient: a provider's own client, whose calls send compressed messages."""

from __future__ import annotations

import logging
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

from msgspec import structs

from headroom_stream.client.budget import Budget
from headroom_stream.client.calls import AsyncCalls, Calls, Namespace, is_async
from headroom_stream.client.configs import changes_of
from headroom_stream.client.kafka_transport import KafkaTransport
from headroom_stream.client.ledger import Ledger
from headroom_stream.client.options import Options, split
from headroom_stream.client.outbox import Outbox, outbox_to
from headroom_stream.client.shapes import SHAPES, Arguments
from headroom_stream.client.system_prompt import SystemPrompts, with_tail
from headroom_stream.client.turn import Ready, row_of, simulation_of
from headroom_stream.config import (
    CacheAlignerConfig,
    HeadroomConfig,
    Policy,
    RollingWindowConfig,
    Settings,
    SmartCrusherConfig,
    override,
)
from headroom_stream.engine import Call, Compressor, Sessions, Transport
from headroom_stream.errors import CompressionError, ConfigurationError, HeadroomError, RejectedEventError
from headroom_stream.providers import Provider, provider_of
from headroom_stream.results import HeadroomMode, Mode, RequestMetrics, SimulationResult
from headroom_stream.settings import load_settings
from headroom_stream.store import open_store

log = logging.getLogger(__name__)

_MODES = ("audit", "optimize", "simulate")


class HeadroomClient:
    """Wraps a client of `openai`, `anthropic` or `google-genai`, sync or async.

        client = HeadroomClient(OpenAI(), default_mode="optimize")
        client.chat.completions.create(model="gpt-4o", messages=history)

    Calls that carry messages (`chat.completions`, `messages`, `models.generate_content`) take `headroom_*` arguments, as
    `client.options.Options` has them; everything else is the wrapped client's own. Give each call the whole history, as ever: calls that
    go on with one another are found to be a session, whose context is only ever appended to, so that the provider's cache holds.

    Modes: `audit`, the default, sends messages as they came and counts what would be saved; `optimize` sends the compressed ones;
    `simulate` sends nothing, and the call returns a SimulationResult. If compression fails, the messages go as they came, the log, the
    call's row and `get_stats()["session"]["fallbacks"]` say so; with `fallback=False` the call raises CompressionError.

    - `provider`: as the client's class tells, unless given. `model_context_limits` go before what it knows.
    - `store_url`: where a row of each call is kept, numbers and names only: `sqlite:///file.db`, `memory://`, or ClickHouse's address;
      by default a SQLite file in the directory for temporary files.
    - `config`, or its parts `smart_crusher_config`, `cache_aligner_config`, `rolling_window_config`: see `client.configs` for what each
      means to a session. `policy` is the stream's own, in place of them.
    - `transport`: "local" keeps sessions in this process; "kafka" publishes turns and waits for a worker's contexts, with the same
      bytes. `settings` says where the broker is, as `load_settings` finds it.
    - `metrics`: where the rows of turns, decisions and originals go that a worker would write, while sessions are kept in this process:
      to the metrics topic ("kafka"), or straight to ClickHouse. None: nowhere; calls have their row in the store all the same.
    - `enable_cache_optimizer`: whether cache breakpoints are placed for providers that take some. `enable_semantic_cache` is for programs
      that say False: there is none.
    - `session`, `tenant`: of all calls, unless they say it themselves.
    """

    def __init__(
        self,
        original_client: Any,
        provider: Provider | None = None,
        *,
        default_mode: Mode | HeadroomMode | None = None,
        store_url: str | None = None,
        config: HeadroomConfig | None = None,
        smart_crusher_config: SmartCrusherConfig | None = None,
        cache_aligner_config: CacheAlignerConfig | None = None,
        rolling_window_config: RollingWindowConfig | None = None,
        policy: Policy | None = None,
        enable_cache_optimizer: bool = True,
        enable_semantic_cache: bool = False,
        model_context_limits: Mapping[str, int] | None = None,
        transport: Literal["local", "kafka"] | Transport = "local",
        metrics: Literal["kafka", "clickhouse"] | None = None,
        settings: Settings | None = None,
        session: str | None = None,
        tenant: str = "",
        fallback: bool = True,
        timeout: float = 30.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        if enable_semantic_cache:
            raise ConfigurationError("enable_semantic_cache: answers are the provider's, never those to a similar question")
        # A HeadroomMode as its value: it goes into rows and answers.
        mode = str(default_mode or (config.default_mode if config else None) or "audit")
        if mode not in _MODES:
            raise ConfigurationError(f"no mode {mode!r}; there are {', '.join(_MODES)}")
        self.original = original_client
        self.provider = provider or provider_of(original_client)
        self.mode = cast("Mode", mode)
        self._url = store_url or (config.store_url if config else None) or f"sqlite:///{Path(tempfile.gettempdir(), 'headroom.db')}"
        self._asked = changes_of(
            config, smart_crusher=smart_crusher_config, cache_aligner=cache_aligner_config, rolling_window=rolling_window_config
        )
        base = policy if policy is not None else (settings or Settings()).policy
        self.policy = override(base, self._asked.policy) if self._asked.policy else base
        self._closing: list[Callable[[], None]] = []
        self._outbox = self._outbox_to(metrics, settings)
        self.compressor = self._compressor(transport, settings, timeout, now)
        limits = {**self._asked.limits, **(model_context_limits or {})}
        self._budget = Budget(self.provider, self.compressor.sessions.tokenizer, limits, self._asked.buffer, self.policy.window)
        self._prompts = SystemPrompts(self._asked.aligner, self.compressor.sessions.tokenizer)
        self._breakpoints = enable_cache_optimizer
        self._session = session
        self._tenant = tenant
        self._fallback = fallback
        self._now = now
        self._new_id = new_id
        self._shape = SHAPES[self.provider.shape]
        self.ledger = Ledger(lambda: open_store(self._url))
        self._wrap()

    def _outbox_to(self, where: Literal["kafka", "clickhouse"] | None, settings: Settings | None) -> Outbox | None:
        if where is None:
            return None
        if where not in ("kafka", "clickhouse"):
            raise ConfigurationError(f"metrics={where!r}; there are kafka and clickhouse")
        made = outbox_to(where, settings or load_settings())
        self._closing.append(made.close)
        return made

    def _compressor(
        self,
        transport: Literal["local", "kafka"] | Transport,
        settings: Settings | None,
        timeout: float,
        now: Callable[[], datetime],
    ) -> Compressor:
        sessions = Sessions(self.policy, now=now)
        if transport == "local":
            return Compressor(sessions, emit=self._outbox.add if self._outbox else None)
        if transport == "kafka":
            kafka = KafkaTransport((settings or load_settings()).kafka, changes=self._asked.policy, timeout=timeout)
            self._closing.append(kafka.close)
            return Compressor(sessions, transport=kafka)
        if isinstance(transport, str):
            raise ConfigurationError(f"no transport {transport!r}; there are local and kafka")
        return Compressor(sessions, transport=transport)

    def _wrap(self) -> None:
        """Put wrapped resources before those of the wrapped client."""
        original, make = self.original, AsyncCalls if is_async(self.original) else Calls
        if self.provider.shape == "openai":
            self.chat = Namespace(original.chat, completions=make(self, original.chat.completions))
        elif self.provider.shape == "anthropic":
            self.messages = make(self, original.messages)
        else:
            self.models = Calls(self, original.models)
            self.aio = Namespace(original.aio, models=AsyncCalls(self, original.aio.models))

    def __getattr__(self, name: str) -> Any:
        if name == "original":
            raise AttributeError(name)
        return getattr(self.original, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let the store and the transport go. The wrapped client stays open: who made it closes it."""
        self.ledger.close()
        while self._closing:
            self._closing.pop()()

    # What the wrapped calls do.

    def prepare(self, given: Arguments, *, mode: Mode | None = None) -> Ready:
        """The arguments to call the wrapped client with, and what is known of the call. Raises ConfigurationError."""
        options, arguments = split(given)
        mode = mode or options.mode or self.mode
        messages = self._shape.messages(arguments)
        if messages is None:
            return Ready(arguments=arguments, mode=mode)
        began = time.perf_counter()
        try:
            ready = self._prepared(options, arguments, messages, mode)
        except ConfigurationError:
            raise
        except Exception as error:  # whatever it was, the call itself is worth more than what compression saves
            if isinstance(error, RejectedEventError) and error.stage == "policy":
                raise ConfigurationError(error.message) from error
            if not self._fallback or mode == "simulate":
                raise CompressionError(f"messages could not be compressed: {error}", {"cause": type(error).__name__}) from error
            log.warning("messages go as they came: %s: %s", type(error).__name__, error)
            ready = Ready(arguments=arguments, mode=mode, row=self._failed(arguments, messages, mode, error))
        if ready.row is not None:
            elapsed = 1000 * (time.perf_counter() - began)
            ready = structs.replace(
                ready, row=structs.replace(ready.row, latency_ms=elapsed, stream=arguments.get("stream") is True)
            )
        return ready

    def _prepared(self, options: Options, arguments: Arguments, messages: list[Any], mode: Mode) -> Ready:
        prompt = self._prompts.of(messages, self._shape.system(arguments))
        model = str(arguments.get("model", ""))
        call = Call(
            model=model,
            session=options.session or self._session,
            tenant=self._tenant,
            shape=self.provider.shape,
            query=options.query,
            max_tokens=self._budget.of(arguments, options.output_buffer_tokens, prompt.system, prompt.tail)
            if self._asked.window
            else None,
            keep_turns=options.keep_turns,
            tool_profiles=options.tool_profiles or {},
            frozen_tokens=options.cache_prefix_tokens or 0,
        )
        prepared = self.compressor.turn(prompt.messages, call, preview=mode == "simulate")
        sent = with_tail(prepared.result.messages, prompt.tail)
        places = prepared.result.cache_breakpoints if self._breakpoints else []
        out = arguments
        if mode == "optimize":
            out = self._shape.marked(self._shape.put(arguments, sent, prompt.system), places, self.provider)
        row = row_of(prepared, prompt, mode=mode, provider=self.provider, model=model, request_id=self._new_id(), now=self._now())
        if mode == "optimize" and places:
            row = structs.replace(
                row,
                cache_optimizer_used=self.provider.name,
                cache_optimizer_strategy="breakpoints",
                breakpoints_inserted=len(places),
            )
        return Ready(arguments=out, mode=mode, row=row, prepared=prepared, sent=sent)

    def _failed(self, arguments: Arguments, messages: list[Any], mode: Mode, error: Exception) -> RequestMetrics:
        """The row of a call whose messages go as they came. They may be of any kind, so they count as nothing where they can't be read."""
        return RequestMetrics(
            request_id=self._new_id(),
            timestamp=self._now().replace(tzinfo=None),
            model=str(arguments.get("model", "")),
            provider=self.provider.name,
            mode=mode,
            tokens_input_before=(count := self._budget.count(messages)),
            tokens_input_after=count,
            error=f"{type(error).__name__}: {error}"[:500],
        )

    def finish(self, ready: Ready, answer: Any) -> None:
        """Keep the row of a call that was made, with what the provider says it used."""
        if ready.row is None:
            return
        usage = self._shape.usage(answer)
        row = ready.row
        if usage is not None:
            if ready.prepared is not None:
                self.compressor.report(ready.prepared.result.session_id, usage)
            row = ready.with_usage(row, usage)
        self.ledger.record(row)

    def simulated(self, ready: Ready) -> SimulationResult:
        """What a prepared call would send. Raises CompressionError where it carries no messages that can be compressed."""
        if ready.row is None or ready.prepared is None:
            raise CompressionError("the call carries no list of messages: nothing to simulate")
        self.ledger.record(ready.row)
        return simulation_of(ready)

    # What was counted.

    def get_stats(self) -> dict[str, Any]:
        """Totals of this client's own life, and how it is set up. No question to the store."""
        ledger = self.ledger
        return {
            "session": {
                "requests_total": ledger.requests,
                "requests_optimized": ledger.by_mode["optimize"],
                "requests_audit": ledger.by_mode["audit"],
                "requests_simulated": ledger.by_mode["simulate"],
                "tokens_saved_total": ledger.tokens_saved,
                "cache_hits": ledger.cache_hits,
                "fallbacks": ledger.fallbacks,
                "rows_lost": ledger.lost_rows + (self._outbox.lost if self._outbox else 0),
                "sessions": self.compressor.sessions.count,
            },
            "config": {
                "mode": self.mode,
                "provider": self.provider.name,
                "cache_optimizer": self.provider.name if self._breakpoints else None,
                "semantic_cache": False,
                "preset": self.policy.preset,
                "store_url": _shown(self._url),
            },
            "transforms": {
                "smart_crusher_enabled": self.policy.crush.enabled,
                "cache_aligner_enabled": self._prompts.enabled,
                "rolling_window_enabled": self._asked.window,
            },
        }

    def get_metrics(
        self,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        model: str | None = None,
        mode: Mode | None = None,
        limit: int = 100,
    ) -> list[RequestMetrics]:
        """Rows of calls, newest first; times in UTC, with or without a zone. Raises StorageError."""
        return self.ledger.store.query(start_time=start_time, end_time=end_time, model=model, mode=mode, limit=limit)

    def get_summary(self, start_time: datetime | None = None, end_time: datetime | None = None) -> dict[str, Any]:
        """Sums over all rows of the store, as `store.summary` describes them. Raises StorageError."""
        return self.ledger.store.summary(start_time=start_time, end_time=end_time)

    def validate_setup(self) -> dict[str, Any]:
        """Whether provider, store, configuration and transport work, each with the error if not; and all `issues` in one list."""
        checks: dict[str, dict[str, Any]] = {
            "provider": {"ok": True, "name": self.provider.name, "error": None},
            "storage": {"ok": True, "url": _shown(self._url), "error": None},
            "config": {"ok": True, "mode": self.mode, "error": None},
            "cache_optimizer": {"ok": True, "name": self.provider.name if self._breakpoints else None, "error": None},
            "transport": {"ok": True, "name": type(self.compressor.transport).__name__, "error": None},
        }
        ping = getattr(self.compressor.transport, "ping", None)
        tests: dict[str, Callable[[], object]] = {
            "provider": lambda: self.provider.get_token_counter("").count_text("Hello, world!"),
            "storage": lambda: self.get_summary(start_time=self._now() - timedelta(seconds=1)),
        }
        if ping is not None:
            tests["transport"] = ping
        for name, test in tests.items():
            try:
                test()
            except HeadroomError as error:
                checks[name] |= {"ok": False, "error": str(error)}
        issues = [f"{name}: {check['error']}" for name, check in checks.items() if not check["ok"]]
        return {"valid": not issues, **checks, "issues": issues}

    def retrieve(self, ref: str, query: str | None = None) -> str:
        """What was left out of a context of this process, whole or the passages that fit `query`. Raises CacheError if it is not here."""
        return self.compressor.retrieve(ref, query)


def _shown(url: str) -> str:
    """The address without a password."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
