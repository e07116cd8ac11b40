"""The configuration: values only, validated once at the edge, unknown keys are errors."""

from __future__ import annotations

from headroom_stream.config.crusher import RelevanceScorerConfig, SmartCrusherConfig
from headroom_stream.config.cuts import BulkConfig, ProseConfig
from headroom_stream.config.deployment import (
    ClickHouseSettings,
    GatewaySettings,
    KafkaSettings,
    Settings,
    SinkSettings,
    WorkerSettings,
    check_access,
    check_sizes,
    open_to_all,
)
from headroom_stream.config.policy import (
    LearningConfig,
    LimitsConfig,
    LogsConfig,
    NoiseConfig,
    Policy,
    RecordsConfig,
    ReferencesConfig,
    ToolLearning,
    ToolProfile,
    WindowConfig,
    merge,
    override,
    policy_version,
    with_preset,
)
from headroom_stream.config.transforms import (
    CacheAlignerConfig,
    HeadroomConfig,
    IntelligentContextConfig,
    RollingWindowConfig,
    ScoringWeights,
)

__all__ = [
    "BulkConfig",
    "CacheAlignerConfig",
    "ClickHouseSettings",
    "GatewaySettings",
    "HeadroomConfig",
    "IntelligentContextConfig",
    "KafkaSettings",
    "LearningConfig",
    "LimitsConfig",
    "LogsConfig",
    "NoiseConfig",
    "Policy",
    "ProseConfig",
    "RecordsConfig",
    "ReferencesConfig",
    "RelevanceScorerConfig",
    "RollingWindowConfig",
    "ScoringWeights",
    "Settings",
    "SinkSettings",
    "SmartCrusherConfig",
    "ToolLearning",
    "ToolProfile",
    "WindowConfig",
    "WorkerSettings",
    "check_access",
    "check_sizes",
    "merge",
    "open_to_all",
    "override",
    "policy_version",
    "with_preset",
]
