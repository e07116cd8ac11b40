// Calls of models: through the gateway, and by the providers' own SDKs as the package wraps them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenerativeAI } from "@google/generative-ai";
import { generateText, wrapLanguageModel } from "ai";
import { collectStream, CompressionHooks, HeadroomClient } from "headroom-ai";
import { withHeadroom as wrapAnthropic } from "headroom-ai/anthropic";
import { withHeadroom as wrapGemini } from "headroom-ai/gemini";
import { withHeadroom as wrapOpenAI } from "headroom-ai/openai";
import { compressVercelMessages, headroomMiddleware, withHeadroom as wrapVercel } from "headroom-ai/vercel-ai";
import OpenAI from "openai";
import { anthropic, gemini, LOG, MODEL, openai, RARE, vercel } from "./support/conversations.mjs";
import { kept } from "./support/promises.mjs";
import { servers } from "./support/servers.mjs";

const open = { baseUrl: servers.open, fallback: false };
const ANSWER = "Done.";

/** A `fetch` for an SDK, and the bodies that it sent. */
function watched() {
  const sent = [];
  const fetching = (url, init) => {
    sent.push(String(init.body));
    return fetch(url, init);
  };
  return { sent, fetching };
}

function shorter(sent, whole) {
  assert.ok(sent.length < JSON.stringify(whole).length / 2, `${sent.length} characters were sent`);
  assert.ok(sent.includes(RARE));
}

describe("through the gateway", () => {
  const client = new HeadroomClient({ ...open, providerApiKey: "provider-key" });

  test("OpenAI's chat completions", async () => {
    const params = { model: "gpt-4o", messages: openai, headroomMode: "optimize", headroomKeepTurns: 5 };
    const answer = await kept("HeadroomClient.chat.completions.create", client.chat.completions.create(params));
    assert.equal(answer.choices[0].message.content, ANSWER);
    const stream = await client.chat.completions.create({ ...params, stream: true });
    const text = (await collectStream(stream)).map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    assert.equal(text, ANSWER);
  });

  test("Anthropic's messages", async () => {
    const params = { model: MODEL, messages: anthropic, system: "Be short.", headroomMode: "optimize" };
    const answer = await kept("HeadroomClient.messages.create", client.messages.create(params));
    assert.equal(answer.content[0].text, ANSWER);
    const text = (events) => events.map((event) => event.delta?.text ?? "").join("");
    assert.equal(text(await collectStream(await client.messages.create({ ...params, stream: true, max_tokens: 64 }))), ANSWER);
    assert.equal(text(await collectStream(await client.messages.stream(params))), ANSWER);
  });

  test("a gateway that asks for keys can hold that of the provider", async () => {
    const keyed = new HeadroomClient({ baseUrl: servers.strict, apiKey: servers.key });
    assert.equal((await keyed.messages.create({ model: MODEL, messages: anthropic })).content[0].text, ANSWER);
  });

  test("keys of providers come from the environment where none is given", async () => {
    process.env.OPENAI_API_KEY = "openai-from-environment";
    process.env.ANTHROPIC_API_KEY = "anthropic-from-environment";
    try {
      const bare = new HeadroomClient(open);
      await bare.chat.completions.create({ model: "gpt-4o", messages: openai, headroomMode: "audit" });
      await bare.messages.create({ model: MODEL, messages: anthropic, headroomMode: "audit" });
    } finally {
      delete process.env.OPENAI_API_KEY;
      delete process.env.ANTHROPIC_API_KEY;
    }
  });
});

describe("by the providers' SDKs", () => {
  test("openai", async () => {
    const { sent, fetching } = watched();
    const client = wrapOpenAI(new OpenAI({ apiKey: "k", baseURL: `${servers.upstream}/v1`, fetch: fetching }), open);
    const answer = await client.chat.completions.create({ model: "gpt-4o", messages: openai });
    assert.equal(answer.choices[0].message.content, ANSWER);
    shorter(sent[0], openai);
    assert.equal(typeof client.embeddings.create, "function");
    assert.equal(typeof client.chat.completions.list, "function");
  });

  test("@anthropic-ai/sdk", async () => {
    const { sent, fetching } = watched();
    class InParts extends CompressionHooks {
      preCompress(messages) {
        return messages.map((one) => (one.role === "user" ? { ...one, content: [{ type: "text", text: one.content }] } : one));
      }
    }
    const options = { ...open, hooks: new InParts() };
    const client = wrapAnthropic(new Anthropic({ apiKey: "k", baseURL: servers.upstream, fetch: fetching }), options);
    const long = [{ role: "user", content: "Begin." }, { role: "assistant", content: "Well." }, ...anthropic];
    const answer = await client.messages.create({ model: MODEL, max_tokens: 64, messages: long });
    assert.equal(answer.content[0].text, ANSWER);
    shorter(sent[0], long);
    assert.equal(typeof client.messages.countTokens, "function");
    assert.equal(typeof client.models.list, "function");
  });

  test("@google/generative-ai", async () => {
    const google = new GoogleGenerativeAI("k").getGenerativeModel({ model: "gemini-2.5-flash" }, { baseUrl: servers.upstream });
    const sent = [];
    const model = wrapGemini(
      Object.assign(Object.create(google), {
        generateContent: (params) => (sent.push(JSON.stringify(params)), google.generateContent(params)),
        generateContentStream: (params) => (sent.push(JSON.stringify(params)), google.generateContentStream(params)),
      }),
      open,
    );
    assert.equal((await model.generateContent({ contents: gemini })).response.text(), ANSWER);
    const { stream } = await model.generateContentStream({ contents: gemini });
    assert.equal((await collectStream(stream)).map((chunk) => chunk.text()).join(""), ANSWER);
    for (const body of sent) shorter(body, gemini);
    assert.equal(typeof model.countTokens, "function");
  });

  test("ai, wrapped", async () => {
    const { sent, fetching } = watched();
    const model = createOpenAI({ apiKey: "k", baseURL: `${servers.upstream}/v1`, fetch: fetching }).chat("gpt-4o");
    assert.equal((await generateText({ model: wrapVercel(model, open), messages: vercel })).text, ANSWER);
    shorter(sent[0], vercel);
  });

  test("ai, by the middleware", async () => {
    const { sent, fetching } = watched();
    const model = createOpenAI({ apiKey: "k", baseURL: `${servers.upstream}/v1`, fetch: fetching }).chat("gpt-4o");
    const middleware = { specificationVersion: "v3", ...headroomMiddleware(open) };
    assert.equal((await generateText({ model: wrapLanguageModel({ model, middleware }), messages: vercel })).text, ANSWER);
    shorter(sent[0], vercel);
    assert.deepEqual(await headroomMiddleware(open).transformParams({ params: { prompt: [] } }), { prompt: [] });
  });

  test("ai, its messages alone", async () => {
    const result = await kept("compress", compressVercelMessages(vercel, open));
    const { value } = result.messages.at(-1).content[0].output;
    assert.ok(value.length < LOG.length / 2 && value.includes(RARE));
  });
});
