// Dry runs: every field of SimulationResult has a value, and nothing is left behind.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deepCamelCase, HeadroomClient, simulate } from "headroom-ai";
import { anthropic, MODEL, openai, openaiLater, RARE, shapes } from "./support/conversations.mjs";
import { faults, kept, promised } from "./support/promises.mjs";
import { servers } from "./support/servers.mjs";

const open = { baseUrl: servers.open };

function filled(result) {
  assert.ok(result.tokensSaved > 0);
  assert.equal(result.tokensSaved, result.tokensBefore - result.tokensAfter);
  assert.ok(result.transforms.length);
  assert.match(result.estimatedSavings, /^\$\d+\.\d+ per request$/);
  assert.ok(JSON.stringify(result.messagesOptimized).includes(RARE));
  const { toolResult, ...others } = result.blockBreakdown;
  assert.ok(toolResult > Math.max(...Object.values(others)));
  assert.ok(Object.values(result.wasteSignals).some((tokens) => tokens > 0));
  assert.ok(result.cacheAlignmentScore >= 0 && result.cacheAlignmentScore <= 100);
}

describe("simulate", () => {
  for (const [shape, messages] of Object.entries(shapes)) {
    test(`messages of ${shape}: all fields are filled`, async () => {
      const result = await kept("simulate", simulate(messages, { ...open, model: "gpt-4o" }));
      filled(result);
      // What is the same from call to call is the system prompt: without one there is nothing to tell apart.
      assert.match(result.stablePrefixHash, messages[0].role === "system" ? /^[0-9a-f]{8,}$/ : /^$/);
    });
  }

  test("through the client, for OpenAI and for Anthropic as it is", async () => {
    const client = new HeadroomClient(open);
    filled(await kept("HeadroomClient.chat.completions.simulate", client.chat.completions.simulate({ model: "gpt-4o", messages: openai })));
    filled(await kept("HeadroomClient.messages.simulate", client.messages.simulate({ model: MODEL, messages: anthropic })));
  });

  test("a client and a config that are given are used", async () => {
    const client = new HeadroomClient(open);
    const crushed = await kept("simulate", simulate(openai, { client, config: { smartCrusher: { maxItemsAfterCrush: 5 } } }));
    assert.ok(crushed.transforms.includes("crushed"));
  });

  test("what each transform did is told", async () => {
    const { diffArtifact } = await simulate(openai, open);
    assert.deepEqual(faults(promised("DiffArtifact"), { ...diffArtifact, transforms: [] }), []);
    assert.equal(diffArtifact.totalTokensSaved, diffArtifact.transforms.reduce((sum, one) => sum + one.tokensSaved, 0));
  });

  test("a model without a price has savings in words", async () => {
    const result = await kept("simulate", simulate(openai, { ...open, model: "no-such-model" }));
    assert.ok(result.estimatedSavings.length);
  });

  test("a session is not moved on", async () => {
    const client = new HeadroomClient({ ...open, config: { sessionId: "npm-preview" } });
    const first = await client.compress(openai);
    const preview = await simulate(openaiLater, { client, config: { sessionId: "npm-preview" } });
    const second = await client.compress(openaiLater);
    assert.deepEqual(deepCamelCase(second.messages), preview.messagesOptimized);
    assert.deepEqual(second.messages.slice(0, first.messages.length), first.messages);
  });
});
