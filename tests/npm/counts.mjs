// Health, counts, and what was learnt of tools: all of what this gateway did, none of it made up.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { compress, HeadroomClient } from "headroom-ai";
import { openai } from "./support/conversations.mjs";
import { faults, kept, promised } from "./support/promises.mjs";
import { servers } from "./support/servers.mjs";

const client = new HeadroomClient({ baseUrl: servers.open });
let result;

before(async () => {
  result = await compress(openai, { client, model: "gpt-4o" });
  await client.retrieve(result.ccrHashes[0]);
  await client.retrieve(result.ccrHashes[0], { query: "certificate" });
});

describe("health and counts", () => {
  test("health and set-up", async () => {
    const health = await kept("HeadroomClient.health", client.health());
    assert.equal(health.status, "healthy");
    const setup = await kept("HeadroomClient.validateSetup", client.validateSetup());
    assert.deepEqual([setup.valid, setup.errors], [true, []]);
    assert.deepEqual(Object.keys(setup.config).sort(), ["cache", "optimize", "rate_limit"]);
  });

  test("a call is in all counts", async () => {
    const before = await kept("HeadroomClient.proxyStats", client.proxyStats());
    const session = await kept("HeadroomClient.getStats", client.getStats());
    const summary = await kept("HeadroomClient.getSummary", client.getSummary());
    await compress(openai, { client, model: "gpt-4o" });
    const after = await client.proxyStats();
    assert.equal(after.requests.total, before.requests.total + 1);
    assert.equal(after.requests.byModel["gpt-4o"], before.requests.byModel["gpt-4o"] + 1);
    assert.equal(after.tokens.saved, before.tokens.saved + result.tokensSaved);
    assert.equal(after.tokens.totalBeforeCompression, before.tokens.totalBeforeCompression + result.tokensBefore);
    assert.ok(after.overhead.maxMs >= after.overhead.averageMs && after.overhead.averageMs >= after.overhead.minMs);
    assert.ok(after.overhead.minMs > 0);
    assert.ok(Object.keys(after.pipelineTiming).length);
    assert.ok(after.compression.ccrEntries > 0 && after.compression.ccrRetrievals >= 2);
    assert.equal(session.totalRequests, before.requests.total);
    assert.equal(summary.totalTokensSaved, before.tokens.saved);
    assert.equal(summary.totalTokensAfter, summary.totalTokensBefore - summary.totalTokensSaved);
    assert.equal(summary.models["gpt-4o"], before.requests.byModel["gpt-4o"]);
  });

  test("the latest calls, each with all that its type promises", async () => {
    const rows = await kept("HeadroomClient.getMetrics", client.getMetrics({ model: "gpt-4o", mode: "optimize", limit: 2 }));
    assert.equal(rows.length, 2);
    const [row] = rows;
    assert.deepEqual([row.model, row.mode, row.stream], ["gpt-4o", "optimize", false]);
    assert.equal(row.tokensInputBefore, result.tokensBefore);
    assert.equal(row.tokensInputAfter, result.tokensAfter);
    assert.deepEqual(row.transformsApplied, result.transformsApplied);
    assert.ok(Math.abs(Date.parse(row.timestamp) - Date.now()) < 600_000, row.timestamp);
    assert.deepEqual(await client.getMetrics({ model: "never-called" }), []);
    await kept("HeadroomClient.getMetrics", client.getMetrics());
  });

  test("counts for Prometheus", async () => {
    const text = await kept("HeadroomClient.prometheusMetrics", client.prometheusMetrics());
    const value = (name) => Number(text.match(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m"))?.[1]);
    assert.ok(value("headroom_requests_total") >= 2);
    assert.ok(value("headroom_tokens_saved_total") > 0);
  });

  test("counts over time, as JSON and as CSV", async () => {
    for (const series of ["history", "hourly", "daily", "weekly", "monthly"]) {
      const { points } = await kept("HeadroomClient.statsHistory", client.statsHistory({ series, format: "json" }));
      assert.ok(points.length && points.every((point) => point.tokens_before >= point.tokens_after), series);
    }
    assert.deepEqual(Object.keys(await client.statsHistory()).sort(), ["points", "series"]);
    // The SDK reads every answer as JSON, so its own call for CSV can't succeed; the gateway's answer is CSV all the same.
    await assert.rejects(client.statsHistory({ format: "csv" }), SyntaxError);
    const csv = await (await client.rawFetch("/stats-history?format=csv", { method: "GET" })).text();
    assert.match(csv, /^timestamp,requests,[\w,]+\r?\n\d{4}-/);
  });

  test("memory", async () => {
    const memory = await kept("HeadroomClient.memoryUsage", client.memoryUsage());
    assert.ok(memory.processMemory.rss > 1_000_000);
    assert.ok(Object.keys(memory.components).length);
  });
});

describe("what was learnt", () => {
  test("telemetry", async () => {
    const stats = await kept("HeadroomClient.telemetry.getStats", client.telemetry.getStats());
    assert.ok(stats.totalCompressions >= 2 && stats.toolSignaturesTracked >= 1);
    const exported = await kept("HeadroomClient.telemetry.export", client.telemetry.export());
    const { status } = await kept("HeadroomClient.telemetry.import", client.telemetry.import(exported));
    assert.ok(status.length);
    const listed = await kept("HeadroomClient.telemetry.getTools", client.telemetry.getTools());
    const [first] = Object.values(listed).find(Array.isArray);
    const one = await kept("HeadroomClient.telemetry.getTool", client.telemetry.getTool(first.signatureHash));
    assert.equal(one.toolName, first.toolName);
    await assert.rejects(client.telemetry.getTool("nothing"), { statusCode: 404 });
  });

  test("feedback", async () => {
    const all = await kept("HeadroomClient.feedback.getStats", client.feedback.getStats());
    assert.ok(Object.keys(all).length);
    const hints = await kept("HeadroomClient.feedback.getHints", client.feedback.getHints("read_log"));
    assert.equal(hints.toolName, "read_log");
    assert.ok(hints.pattern.totalRetrievals >= 2);
    assert.ok(hints.pattern.commonQueries.includes("certificate"));
    const unknown = await kept("HeadroomClient.feedback.getHints", client.feedback.getHints("never seen/ä"));
    assert.deepEqual([unknown.toolName, unknown.pattern.totalCompressions], ["never seen/ä", 0]);
  });

  test("patterns", async () => {
    const stats = await kept("HeadroomClient.toin.getStats", client.toin.getStats());
    assert.ok(stats.patternsTracked >= 1);
    const patterns = await kept("HeadroomClient.toin.getPatterns", client.toin.getPatterns());
    assert.equal((await client.toin.getPatterns(1)).length, 1);
    assert.match(patterns[0].retrievalRate, /^\d+\.\d%$/);
    const one = await kept("HeadroomClient.toin.getPattern", client.toin.getPattern(patterns[0].hash));
    assert.deepEqual(faults(promised("TOINPattern"), one), []);
    assert.equal(one.hash, patterns[0].hash);
  });
});

describe("the cache", () => {
  test("is emptied when it is told to be", async () => {
    const other = new HeadroomClient({ baseUrl: servers.strict, apiKey: servers.key });
    const { ccrHashes } = await compress(openai, { client: other });
    assert.ok((await kept("HeadroomClient.clearCache", other.clearCache())).status.length);
    await assert.rejects(other.retrieve(ccrHashes[0]), { statusCode: 404 });
  });
});
