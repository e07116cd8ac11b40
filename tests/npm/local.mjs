// What the package does by itself: formats, cases, streams, shared contexts, paths.

import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as headroom from "headroom-ai";
import { LOG, openai, SERVICES, shapes } from "./support/conversations.mjs";
import { faults, kept, promised } from "./support/promises.mjs";
import { servers } from "./support/servers.mjs";

const { SharedContext } = headroom;

describe("formats and cases", () => {
  test("each shape is told, becomes OpenAI's and comes back", () => {
    for (const [shape, messages] of Object.entries(shapes)) {
      assert.equal(headroom.detectFormat(messages), shape);
      const common = headroom.toOpenAI(messages);
      assert.equal(headroom.detectFormat(common), "openai");
      assert.equal(headroom.detectFormat(headroom.fromOpenAI(common, shape)), shape);
      assert.equal(headroom.detectFormat(headroom.fromOpenAI(openai, shape)), shape);
    }
  });

  test("cases", () => {
    assert.equal(headroom.snakeToCamel("tokens_before_2"), "tokensBefore2");
    assert.equal(headroom.camelToSnake("bm25K1"), "bm25_k1");
    const snake = { a_b: [{ c_d: null }], e_f: 1 };
    assert.deepEqual(headroom.deepCamelCase(snake), { aB: [{ cD: null }], eF: 1 });
    assert.deepEqual(headroom.deepSnakeCase(headroom.deepCamelCase(snake)), snake);
  });

  test("questions, turns and calls of tools", () => {
    for (const [shape, messages] of Object.entries(shapes)) {
      assert.ok(headroom.countTurns(messages) >= 1);
      if (shape !== "gemini") assert.deepEqual(headroom.extractToolCalls(messages), ["list_services", "read_log"]);
    }
    assert.equal(headroom.extractUserQuery(openai), openai[1].content[0].text);
  });

  test("streams", async () => {
    const response = new Response('data: {"a":1}\n\nevent: x\ndata: {"a":2}\n\ndata: [DONE]\n\n');
    assert.deepEqual(await headroom.collectStream(headroom.parseSSE(response)), [{ a: 1 }, { a: 2 }]);
  });
});

describe("SharedContext", () => {
  test("what one agent puts another gets", async () => {
    const shared = new SharedContext({ baseUrl: servers.open, model: "gpt-4o" });
    const entry = await kept("SharedContext.put", shared.put("services", SERVICES, { agent: "scout" }));
    assert.deepEqual([entry.key, entry.original, entry.agent], ["services", SERVICES, "scout"]);
    assert.ok(entry.originalTokens > 0 && entry.compressedTokens <= entry.originalTokens);
    assert.equal(shared.get("services", { full: true }), SERVICES);
    assert.equal(shared.get("services"), entry.compressed);
    assert.deepEqual(shared.getEntry("services"), entry);
    assert.deepEqual([shared.get("other"), shared.getEntry("other")], [null, null]);
    assert.deepEqual(shared.keys(), ["services"]);
    const stats = shared.stats();
    assert.deepEqual(faults(promised("SharedContextStats"), stats), []);
    assert.equal(stats.totalOriginalTokens, entry.originalTokens);
    shared.clear();
    assert.deepEqual(shared.keys(), []);
  });

  test("it holds so many entries, for so long, and does without a gateway", async () => {
    const small = new SharedContext({ baseUrl: servers.closed, maxEntries: 1, retries: 0 });
    await small.put("a", LOG);
    await small.put("b", LOG);
    assert.deepEqual(small.keys(), ["b"]);
    assert.equal(small.get("b"), LOG);
    const brief = new SharedContext({ baseUrl: servers.closed, ttl: -1, retries: 0 });
    await brief.put("c", LOG);
    assert.deepEqual([brief.getEntry("c"), brief.keys()], [null, []]);
  });
});

describe("paths", () => {
  test("stand under the folders of the environment", () => {
    const names = ["HEADROOM_CONFIG_DIR", "HEADROOM_WORKSPACE_DIR", "HEADROOM_SAVINGS_PATH", "HEADROOM_TOIN_PATH", "HEADROOM_SUBSCRIPTION_STATE_PATH"];
    for (const name of names) assert.equal(headroom[`${name}_ENV`], name);
    assert.equal(headroom.workspaceDir(), join(homedir(), ".headroom"));
    process.env.HEADROOM_WORKSPACE_DIR = "~/work";
    try {
      const work = join(homedir(), "work");
      assert.equal(headroom.workspaceDir(), work);
      assert.equal(headroom.configDir(), join(work, "config"));
      for (const name of PATHS) assert.ok(headroom[name]().startsWith(work), name);
      assert.ok(headroom.beaconLockPath(8787).startsWith(work));
      for (const name of ["pluginConfigDir", "pluginWorkspaceDir"]) {
        assert.equal(headroom[name]("p").split("/").at(-1), "p");
        assert.throws(() => headroom[name]("../p"));
      }
      assert.equal(headroom.savingsPath("/a/b"), "/a/b");
    } finally {
      delete process.env.HEADROOM_WORKSPACE_DIR;
    }
  });
});

const PATHS = [
  "savingsPath",
  "toinPath",
  "subscriptionStatePath",
  "memoryDbPath",
  "nativeMemoryDir",
  "licenseCachePath",
  "sessionStatsPath",
  "syncStatePath",
  "bridgeStatePath",
  "logDir",
  "proxyLogPath",
  "debug400Dir",
  "binDir",
  "deployRoot",
  "modelsConfigPath",
];
