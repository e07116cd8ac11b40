// The npm package headroom-ai as it is, against the gateway: all that it exports is called, and every answer keeps what its type promises.

import { functions } from "./support/calls.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import "./compress.mjs";
import "./simulate.mjs";
import "./retrieve.mjs";
import "./counts.mjs";
import "./providers.mjs";
import "./errors.mjs";
import "./local.mjs";

// What does not run in a module of Node: a stand-in for `require` that is there or throws, and what joins paths once it is there.
const OUT_OF_REACH = new Set(["get: (a, b) => (typeof require !== \"undefined\" ? require : a)[b]", '(p) => p !== ""']);

test("every function of the package was called", async () => {
  const all = await functions();
  const files = new Set(all.map(({ file }) => file));
  for (const entry of ["index.js", "adapters/openai.js", "adapters/anthropic.js", "adapters/gemini.js", "adapters/vercel-ai.js"]) {
    assert.ok(files.has(entry), `${entry} was never loaded`);
  }
  const left = all.filter(({ count, source }) => !count && !OUT_OF_REACH.has(source));
  assert.deepEqual(left.map(({ file, line, source }) => `${file}:${line} ${source.slice(0, 60)}`), []);
});
