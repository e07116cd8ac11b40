// compress(): messages of every shape, sessions, budgets, hooks and configs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compress, CompressionHooks, detectFormat, HeadroomClient } from "headroom-ai";
import { LOG, openai, openaiLater, RARE, shapes } from "./support/conversations.mjs";
import { faults, kept, promised } from "./support/promises.mjs";
import { servers } from "./support/servers.mjs";

const open = { baseUrl: servers.open, fallback: false };

describe("compress", () => {
  for (const [shape, messages] of Object.entries(shapes)) {
    test(`messages of ${shape} come back in its shape, shorter, with the rare line`, async () => {
      const result = await kept("compress", compress(messages, { ...open, model: "gpt-4o" }));
      assert.equal(detectFormat(result.messages), shape);
      assert.ok(result.compressed);
      assert.ok(result.tokensAfter < result.tokensBefore / 2, `${result.tokensAfter} of ${result.tokensBefore} tokens are left`);
      assert.equal(result.tokensSaved, result.tokensBefore - result.tokensAfter);
      assert.ok(Math.abs(result.compressionRatio - result.tokensAfter / result.tokensBefore) < 1e-9);
      assert.ok(JSON.stringify(result.messages).includes(RARE));
      assert.ok(result.transformsApplied.length);
    });
  }

  test("an empty conversation is nothing to save", async () => {
    const result = await kept("compress", compress([], open));
    assert.deepEqual([result.messages, result.tokensBefore, result.tokensAfter, result.compressionRatio], [[], 0, 0, 1]);
  });

  test("the same call gives the same messages", async () => {
    assert.deepEqual((await compress(openai, open)).messages, (await compress(openai, open)).messages);
  });

  test("a token budget is kept", async () => {
    const free = await compress(openai, open);
    const tokenBudget = Math.floor(free.tokensAfter * 0.7);
    const tight = await kept("compress", compress(openai, { ...open, tokenBudget }));
    assert.ok(tight.tokensAfter <= tokenBudget, `${tight.tokensAfter} tokens of at most ${tokenBudget}`);
  });

  test("hooks see and change the messages, and see the result", async () => {
    const seen = [];
    class Hooks extends CompressionHooks {
      preCompress(messages, context) {
        seen.push(context);
        return [{ role: "system", content: "Be short." }, ...messages];
      }
      postCompress(event) {
        seen.push(event);
      }
    }
    const result = await compress(openai, { ...open, model: "gpt-4o", hooks: new Hooks() });
    assert.equal(result.messages[0].content, "Be short.");
    const [context, event] = seen;
    assert.deepEqual(context.toolCalls, ["list_services", "read_log"]);
    assert.equal(event.userQuery, openai[1].content[0].text);
    for (const name of ["tokensBefore", "tokensAfter", "tokensSaved", "compressionRatio", "transformsApplied", "ccrHashes"]) {
      assert.deepEqual(event[name], result[name], name);
    }
  });

  test("hooks that do nothing change nothing", async () => {
    const plain = await compress(openai, open);
    assert.deepEqual((await compress(openai, { ...open, hooks: new CompressionHooks() })).messages, plain.messages);
  });

  test("a client that is given is used", async () => {
    const client = new HeadroomClient({ baseUrl: `${servers.open}//`, fallback: false, stack: "tests" });
    const result = await kept("compress", compress(openai, { client, baseUrl: servers.closed }));
    assert.ok(result.compressed);
    client.close();
  });
});

describe("sessions", () => {
  test("a session named in the config grows only at its end", async () => {
    const client = new HeadroomClient({ ...open, config: { sessionId: "npm-grows" } });
    const first = await kept("HeadroomClient.compress", client.compress(openai, { model: "gpt-4o" }));
    const second = await kept("HeadroomClient.compress", client.compress(openaiLater, { model: "gpt-4o" }));
    assert.ok(first.tokensSaved > 0);
    assert.deepEqual(second.messages.slice(0, first.messages.length), first.messages);
    assert.equal(second.messages.length, openaiLater.length);
  });

  test("compress() takes the session in its options", async () => {
    const options = { ...open, model: "gpt-4o", config: { sessionId: "npm-options" } };
    const first = await compress(openai, options);
    const second = await compress(openaiLater, options);
    assert.deepEqual(second.messages.slice(0, first.messages.length), first.messages);
  });
});

describe("configs", () => {
  const config = (fields) => new HeadroomClient({ ...open, config: fields });
  const taken = [
    ["the example of the package's README", {
      defaultMode: "optimize",
      smartCrusher: {
        enabled: true,
        minItemsToAnalyze: 5,
        maxItemsAfterCrush: 10,
        varianceThreshold: 2.0,
        relevance: { tier: "hybrid", relevanceThreshold: 0.25 },
        anchor: { anchorBudgetPct: 0.25 },
      },
      ccr: { enabled: true, injectTool: true },
      cacheOptimizer: { enabled: true, autoDetectProvider: true },
      intelligentContext: { enabled: true, useImportanceScoring: true },
    }],
    ["limits of models", { modelContextLimits: { "gpt-4o": 128_000 } }],
    ["the rolling window", { rollingWindow: { enabled: true, keepSystem: true, keepLastTurns: 2, outputBufferTokens: 4000 } }],
    ["the aligner", { cacheAligner: { enabled: true, normalizeWhitespace: true } }],
    ["the content router", { contentRouterEnabled: true }],
    ["context management that is off", { intelligentContext: { enabled: false } }],
  ];
  for (const [what, fields] of taken) {
    test(`${what} is taken`, async () => {
      const result = await kept("HeadroomClient.compress", config(fields).compress(openai));
      assert.ok(result.tokensSaved > 0);
    });
  }

  test("audit counts and changes nothing", async () => {
    const result = await config({ defaultMode: "audit" }).compress(openai);
    assert.deepEqual(result.messages, openai);
    assert.equal(result.tokensSaved, 0);
    assert.ok(result.tokensBefore > 0);
  });

  test("a crusher keeps as many items as it is told", async () => {
    const [few, many] = await Promise.all([5, 30].map((maxItemsAfterCrush) => config({ smartCrusher: { maxItemsAfterCrush } }).compress(openai)));
    assert.ok(few.tokensAfter < many.tokensAfter);
    assert.deepEqual(few.transformsApplied, ["crushed", "logs"]);
  });

  test("a model's limit is a budget", async () => {
    const limits = { modelContextLimits: { "gpt-4o": 4_900 } };
    const result = await config(limits).compress(openai, { model: "gpt-4o" });
    assert.ok(result.tokensAfter <= 900, `${result.tokensAfter} tokens`);
  });

  test("what can't be done is refused with the reason, and nothing is sent instead", async () => {
    await assert.rejects(config({ noSuchSetting: 1 }).compress(openai), { name: "HeadroomCompressError", statusCode: 400, message: /no_such_setting/ });
    await assert.rejects(config({ intelligentContext: { enabled: true } }).compress(openai, { tokenBudget: 900 }), { statusCode: 400, message: /rolling_window/ });
    await assert.rejects(config({ storeUrl: "sqlite:///elsewhere.db" }).compress(openai), { statusCode: 400, message: /store_url/ });
  });
});

describe("the promises themselves", () => {
  test("an answer that lacks a field, or has null or another type in it, is found out", async () => {
    const whole = await compress(openai, open);
    const type = promised("compress");
    assert.deepEqual(faults(type, whole), []);
    for (const name of Object.keys(whole)) {
      const { [name]: _, ...rest } = whole;
      assert.equal(faults(type, rest).length, 1, `without ${name}`);
      assert.equal(faults(type, { ...whole, [name]: null }).length, 1, `${name}: null`);
    }
    assert.match(faults(type, { ...whole, ccrHashes: ["a", 1] })[0], /ccrHashes\[1\]: string was promised, 1 came/);
    assert.match(faults(promised("HealthStatus"), { status: "well", version: "1", config: { optimize: true, cache: true, rateLimit: 1 } })[1], /rateLimit/);
    assert.ok(LOG.includes(RARE));
  });
});
