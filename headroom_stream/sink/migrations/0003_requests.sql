-- A row for each call of a client that keeps its metrics in ClickHouse (`HeadroomClient(store_url="http://...")`). The columns are the
-- fields of RequestMetrics in results.py. A row that is saved again has the id of the first and replaces it. Read with FINAL.

CREATE TABLE IF NOT EXISTS {database}.requests
(
    request_id               String CODEC(ZSTD(1)),
    timestamp                DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    model                    LowCardinality(String),
    mode                     LowCardinality(String),
    tokens_input_before      Int64 CODEC(T64, ZSTD(1)),
    tokens_input_after       Int64 CODEC(T64, ZSTD(1)),
    session_id               String CODEC(ZSTD(1)),
    provider                 LowCardinality(String),
    stream                   Bool,
    tokens_output            Nullable(Int64) CODEC(T64, ZSTD(1)),
    cached_tokens            Nullable(Int64) CODEC(T64, ZSTD(1)),
    cost_before              Nullable(Float64) CODEC(ZSTD(1)),
    cost_after               Nullable(Float64) CODEC(ZSTD(1)),
    block_breakdown          Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    waste_signals            Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    stable_prefix_hash       String CODEC(ZSTD(1)),
    cache_alignment_score    Float64 CODEC(ZSTD(1)),
    cache_optimizer_used     LowCardinality(Nullable(String)),
    cache_optimizer_strategy LowCardinality(Nullable(String)),
    cacheable_tokens         Int64 CODEC(T64, ZSTD(1)),
    breakpoints_inserted     Int64 CODEC(T64, ZSTD(1)),
    estimated_cache_hit      Bool,
    semantic_cache_hit       Bool,
    transforms_applied       Array(LowCardinality(String)) CODEC(ZSTD(1)),
    tool_units_dropped       Int64 CODEC(T64, ZSTD(1)),
    turns_dropped            Int64 CODEC(T64, ZSTD(1)),
    messages_hash            String CODEC(ZSTD(1)),
    latency_ms               Nullable(Float64) CODEC(ZSTD(1)),
    error                    Nullable(String) CODEC(ZSTD(1)),
    inserted_at              DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    INDEX by_time timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(timestamp)
ORDER BY request_id;
