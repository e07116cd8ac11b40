-- The rows of the metrics topic, a table for each kind. The columns are the fields of the Structs in events.py.
--
-- Sorting keys are pure functions of the event: a row that is delivered again has the key of the first and replaces it. Read with
-- FINAL. The deduplication window lets a server drop a repeated insert before it becomes a part at all.

CREATE TABLE IF NOT EXISTS {database}.turns
(
    output_id                String CODEC(ZSTD(1)),
    session_id               String CODEC(ZSTD(1)),
    event_id                 String CODEC(ZSTD(1)),
    event_time               DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    schema_version           UInt16,
    tenant                   LowCardinality(String),
    model                    LowCardinality(String),
    provider                 LowCardinality(String),
    outcome                  LowCardinality(String),
    turn                     UInt64 CODEC(T64, ZSTD(1)),
    epoch                    UInt64 CODEC(T64, ZSTD(1)),
    epoch_reason             LowCardinality(String),
    messages                 UInt64 CODEC(T64, ZSTD(1)),
    new_messages             UInt64 CODEC(T64, ZSTD(1)),
    dropped_messages         UInt64 CODEC(T64, ZSTD(1)),
    tokens_before            UInt64 CODEC(T64, ZSTD(1)),
    tokens_after             UInt64 CODEC(T64, ZSTD(1)),
    new_tokens_before        UInt64 CODEC(T64, ZSTD(1)),
    new_tokens_after         UInt64 CODEC(T64, ZSTD(1)),
    cached_before            UInt64 CODEC(T64, ZSTD(1)),
    cached_after             UInt64 CODEC(T64, ZSTD(1)),
    tokenizer                LowCardinality(String),
    tokens_exact             Bool,
    cost_before_nanousd      Nullable(UInt64) CODEC(T64, ZSTD(1)),
    cost_after_nanousd       Nullable(UInt64) CODEC(T64, ZSTD(1)),
    price_version            LowCardinality(String),
    usage_input_tokens       Nullable(UInt64) CODEC(T64, ZSTD(1)),
    usage_cache_read_tokens  Nullable(UInt64) CODEC(T64, ZSTD(1)),
    usage_cache_write_tokens Nullable(UInt64) CODEC(T64, ZSTD(1)),
    usage_output_tokens      Nullable(UInt64) CODEC(T64, ZSTD(1)),
    gap                      Bool,
    policy_version           LowCardinality(String),
    traceparent              String CODEC(ZSTD(1)),
    topic                    LowCardinality(String),
    partition                Int32,
    offset                   Int64 CODEC(Delta, ZSTD(1)),
    inserted_at              DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(event_time)
-- The position tells a duplicate event from the one it repeats: both have the same event id.
ORDER BY (tenant, session_id, event_time, event_id, topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS {database}.decisions
(
    output_id      String CODEC(ZSTD(1)),
    session_id     String CODEC(ZSTD(1)),
    event_time     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    message        UInt64 CODEC(T64, ZSTD(1)),
    slot           UInt64 CODEC(T64, ZSTD(1)),
    schema_version UInt16,
    tenant         LowCardinality(String),
    tool           LowCardinality(String),
    kind           LowCardinality(String),
    action         LowCardinality(String),
    reason         LowCardinality(String),
    lossless       Bool,
    tokens_before  UInt64 CODEC(T64, ZSTD(1)),
    tokens_after   UInt64 CODEC(T64, ZSTD(1)),
    ref            String CODEC(ZSTD(1)),
    inserted_at    DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(event_time)
ORDER BY (tenant, session_id, event_time, output_id, message, slot)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS {database}.originals
(
    ref            String CODEC(ZSTD(1)),
    session_id     String CODEC(ZSTD(1)),
    event_time     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    content        String CODEC(ZSTD(3)),
    schema_version UInt16,
    tenant         LowCardinality(String),
    tool           LowCardinality(String),
    kind           LowCardinality(String),
    tokens         UInt64 CODEC(T64, ZSTD(1)),
    inserted_at    DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(event_time)
ORDER BY (tenant, session_id, ref, event_time)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS {database}.dead_letters
(
    topic          LowCardinality(String),
    partition      Int32,
    offset         Int64 CODEC(Delta, ZSTD(1)),
    event_time     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    stage          LowCardinality(String),
    error          String CODEC(ZSTD(1)),
    schema_version UInt16,
    session_id     String CODEC(ZSTD(1)),
    tenant         LowCardinality(String),
    inserted_at    DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toYYYYMM(event_time)
-- The time tells apart positions of a topic that was created anew.
ORDER BY (topic, partition, offset, event_time)
SETTINGS non_replicated_deduplication_window = 1000;
