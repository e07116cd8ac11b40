-- What agents use of their tools' outputs, as it is learnt turn by turn. Numbers add up over rows: sum(used) by tool and field.

CREATE TABLE IF NOT EXISTS {database}.tool_usage
(
    session_id     String CODEC(ZSTD(1)),
    event_id       String CODEC(ZSTD(1)),
    event_time     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    tool           LowCardinality(String),
    schema         LowCardinality(String),
    field          LowCardinality(String),
    schema_version UInt16,
    tenant         LowCardinality(String),
    outputs        UInt64 CODEC(T64, ZSTD(1)),
    used           UInt64 CODEC(T64, ZSTD(1)),
    inserted_at    DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(event_time)
ORDER BY (tenant, session_id, event_time, event_id, tool, schema, field)
SETTINGS non_replicated_deduplication_window = 1000;
