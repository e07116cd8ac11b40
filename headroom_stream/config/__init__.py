"""The configuration: values only, validated once at the edge, unknown keys are errors."""

from __future__ import annotations

from headroom_stream.config.deployment import (
    ClickHouseSettings,
    KafkaSettings,
    Settings,
    SinkSettings,
    WorkerSettings,
    check_sizes,
)
from headroom_stream.config.policy import (
    LimitsConfig,
    LogsConfig,
    NoiseConfig,
    Policy,
    RecordsConfig,
    WindowConfig,
    merge,
    override,
    policy_version,
)

__all__ = [
    "ClickHouseSettings",
    "KafkaSettings",
    "LimitsConfig",
    "LogsConfig",
    "NoiseConfig",
    "Policy",
    "RecordsConfig",
    "Settings",
    "SinkSettings",
    "WindowConfig",
    "WorkerSettings",
    "check_sizes",
    "merge",
    "override",
    "policy_version",
]
