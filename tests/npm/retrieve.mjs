// What was left out, brought back.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { compress, HeadroomClient } from "headroom-ai";
import { LOG, openai, RARE } from "./support/conversations.mjs";
import { faults, kept, promised } from "./support/promises.mjs";
import { servers } from "./support/servers.mjs";

const client = new HeadroomClient({ baseUrl: servers.open });
let hash;

before(async () => {
  [hash] = (await compress(openai, { client })).ccrHashes;
});

describe("retrieve", () => {
  test("the whole original", async () => {
    const whole = await kept("HeadroomClient.retrieve", client.retrieve(hash));
    assert.deepEqual(faults(promised("RetrieveResult"), whole), []);
    assert.equal(whole.hash, hash);
    assert.equal(whole.originalContent, LOG);
    assert.equal(whole.toolName, "read_log");
    assert.equal(whole.originalItemCount, LOG.split("\n").length);
    assert.ok(whole.compressedItemCount < whole.originalItemCount);
    const again = await client.retrieve(hash);
    assert.equal(again.retrievalCount, whole.retrievalCount + 1);
  });

  test("the passages that a query is about", async () => {
    const found = await kept("HeadroomClient.retrieve", client.retrieve(hash, { query: "certificate expired" }));
    assert.deepEqual(faults(promised("RetrieveSearchResult"), found), []);
    assert.equal(found.query, "certificate expired");
    assert.equal(found.count, found.results.length);
    assert.ok(found.results[0].text.includes(RARE));
  });

  test("a hash that nobody gave is not found", async () => {
    await assert.rejects(client.retrieve("0123456789ab"), { name: "HeadroomCompressError", statusCode: 404 });
  });

  test("a model's call of the tool is answered in its shape", async () => {
    const asked = { hash, query: "certificate expired" };
    const forOpenai = { id: "call_9", type: "function", function: { name: "headroom_retrieve", arguments: JSON.stringify(asked) } };
    const forAnthropic = { type: "tool_use", id: "toolu_9", name: "headroom_retrieve", input: asked };
    const one = await kept("HeadroomClient.handleToolCall", client.handleToolCall({ toolCall: forOpenai, provider: "openai" }));
    assert.equal(one.success, true);
    assert.deepEqual([one.toolResult.role, one.toolResult.toolCallId], ["tool", "call_9"]);
    assert.ok(one.toolResult.content.includes(RARE));
    const other = await kept("HeadroomClient.handleToolCall", client.handleToolCall({ toolCall: forAnthropic, provider: "anthropic" }));
    assert.deepEqual([other.toolResult.type, other.toolResult.toolUseId], ["tool_result", "toolu_9"]);
    assert.ok(other.toolResult.content.includes(RARE));
    const lost = await client.handleToolCall({ toolCall: { ...forAnthropic, input: { hash: "0123456789ab" } } });
    assert.equal(lost.success, false);
  });

  test("counts of what is kept and what was asked for", async () => {
    const stats = await kept("HeadroomClient.getCCRStats", client.getCCRStats());
    assert.ok(stats.store.entries >= 1 && stats.store.entries <= stats.store.maxEntries);
    assert.ok(stats.store.originalTokensCached > stats.store.compressedTokensCached);
    const mine = stats.recentRetrievals.filter((one) => one.hash === hash);
    assert.ok(mine.some((one) => one.query === "certificate expired") && mine.some((one) => one.query === null));
    assert.ok(mine.every((one) => one.toolName === "read_log" && one.itemsRetrieved <= one.totalItems));
  });
});
