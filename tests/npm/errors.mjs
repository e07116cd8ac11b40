// What goes wrong, and which class of error says so.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as headroom from "headroom-ai";
import { anthropic, LOG, MODEL, openai } from "./support/conversations.mjs";
import { kept } from "./support/promises.mjs";
import { servers } from "./support/servers.mjs";

const { compress, HeadroomClient, mapProxyError, simulate } = headroom;
const strict = (options) => new HeadroomClient({ baseUrl: servers.strict, apiKey: servers.key, ...options });
const hurried = (options) => new HeadroomClient({ baseUrl: servers.hurried, ...options });

/** How a call fails: the class's name, the status, and the type that the gateway gave. */
async function failure(call) {
  const error = await call.then(
    (value) => assert.fail(`no error, but ${JSON.stringify(value)}`),
    (error) => error,
  );
  assert.ok(error instanceof headroom.HeadroomError, String(error));
  assert.ok(error instanceof headroom[error.name]);
  assert.ok(error.message.length > 10 && !error.message.startsWith("HTTP "), error.message);
  return [error.name, error.statusCode, error.errorType];
}

describe("errors by status", () => {
  test("400: the message says where, and fallback does not hide it", async () => {
    const client = strict({ fallback: true });
    assert.deepEqual(await failure(client.compress([{ role: "user", content: 7 }])), ["HeadroomCompressError", 400, "invalid_request"]);
    assert.deepEqual(await failure(client.compress("no list")), ["HeadroomCompressError", 400, "invalid_request"]);
    assert.deepEqual(await failure(simulate(openai, { client, config: { sessionId: "" } })), ["HeadroomCompressError", 400, "invalid_request"]);
  });

  test("401: a key that is missing or wrong", async () => {
    for (const apiKey of [undefined, "wrong"]) {
      const [name] = await failure(compress(openai, { baseUrl: servers.strict, apiKey }));
      assert.equal(name, "HeadroomAuthError");
      assert.equal((await failure(strict({ apiKey }).chat.completions.create({ model: "gpt-4o", messages: openai })))[0], "HeadroomAuthError");
    }
    assert.ok((await compress(openai, { client: strict() })).compressed);
  });

  test("404: where no provider is set", async () => {
    assert.deepEqual(await failure(strict().chat.completions.create({ model: "gpt-4o", messages: openai })), ["HeadroomCompressError", 404, "not_found"]);
  });

  test("413: a body that is too large", async () => {
    const large = [{ role: "user", content: LOG.repeat(Math.ceil(servers.bodyBytes / LOG.length) + 1) }];
    assert.deepEqual(await failure(strict().compress(large)), ["HeadroomCompressError", 413, "request_too_large"]);
  });

  test("429: more requests than allowed, without another try", async () => {
    const client = strict({ apiKey: servers.busyKey });
    for (let i = 0; i < servers.requestsPerMinute; i++) await client.getCCRStats();
    assert.deepEqual(await failure(client.compress(openai)), ["HeadroomCompressError", 429, "rate_limit_exceeded"]);
  });

  test("502: a provider that can't be reached", async () => {
    assert.deepEqual(await failure(hurried().chat.completions.create({ model: "gpt-4o", messages: openai, headroomMode: "audit" })), ["HeadroomCompressError", 502, "upstream_error"]);
  });

  test("503: no time for a session's turn; fallback gives the messages as they were", async () => {
    const config = { sessionId: "npm-hurried" };
    assert.deepEqual(await failure(hurried({ config, fallback: false }).compress(openai)), ["HeadroomCompressError", 503, "compression_timeout"]);
    const result = await kept("HeadroomClient.compress", hurried({ config }).compress(openai));
    assert.deepEqual([result.compressed, result.messages], [false, openai]);
  });

  test("no time without a session: the messages come back as they were", async () => {
    const result = await kept("HeadroomClient.compress", hurried({ fallback: false }).compress(openai));
    assert.deepEqual([result.messages, result.tokensSaved, result.compressionRatio], [openai, 0, 1]);
  });

  test("what a provider refuses is passed on, with its words", async () => {
    const call = hurried({ providerApiKey: "k" }).messages.create({ model: MODEL, messages: anthropic, headroomMode: "audit" });
    await assert.rejects(call, { name: "HeadroomCompressError", statusCode: 418, errorType: "teapot", message: "no coffee" });
  });
});

describe("a gateway that can't be reached", () => {
  test("fallback gives the messages as they were", async () => {
    const result = await kept("compress", compress(openai, { baseUrl: servers.closed }));
    assert.deepEqual([result.compressed, result.messages], [false, openai]);
  });

  test("without fallback it is an error, after all tries", async () => {
    const options = { baseUrl: servers.closed, fallback: false, retries: 3 };
    assert.equal((await failure(compress(openai, options)))[0], "HeadroomConnectionError");
    assert.equal((await failure(new HeadroomClient(options).health()))[0], "HeadroomConnectionError");
    assert.equal((await failure(new HeadroomClient(options).chat.completions.create({ model: "gpt-4o", messages: openai })))[0], "HeadroomConnectionError");
  });

  test("a timeout is such an error", async () => {
    assert.equal((await failure(compress(openai, { baseUrl: servers.silent, fallback: false, retries: 0, timeout: 50 })))[0], "HeadroomConnectionError");
  });
});

describe("classes", () => {
  test("a type of error has its class, which keeps status and type", () => {
    const classes = {
      configuration_error: headroom.ConfigurationError,
      provider_error: headroom.ProviderError,
      storage_error: headroom.StorageError,
      tokenization_error: headroom.TokenizationError,
      cache_error: headroom.CacheError,
      validation_error: headroom.ValidationError,
      transform_error: headroom.TransformError,
    };
    for (const [type, kind] of Object.entries(classes)) {
      const error = mapProxyError(400, type, "why");
      assert.ok(error instanceof kind && error instanceof headroom.HeadroomError);
      assert.deepEqual([error.name, error.message, error.details], [kind.name.replace(/^_/, ""), "why", { statusCode: 400, errorType: type }]);
    }
    assert.ok(mapProxyError(401, "cache_error", "who?") instanceof headroom.HeadroomAuthError);
    const other = mapProxyError(503, "compression_timeout", "late");
    assert.deepEqual([other.name, other.statusCode, other.errorType], ["HeadroomCompressError", 503, "compression_timeout"]);
    assert.deepEqual(new headroom.HeadroomError("a", { b: 1 }).details, { b: 1 });
  });
});
