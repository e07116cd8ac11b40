// Which functions of the package ran, as V8 counts them: nothing in the package is replaced or wrapped.
// To be imported before the package is.

import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { fileURLToPath } from "node:url";

const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });

/** Functions of the package's modules that were loaded: {file, line, source, count}. */
export async function functions() {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  return result
    .filter(({ url }) => url.includes("/headroom-ai/dist/"))
    .flatMap(({ url, functions }) => {
      const file = url.slice(url.lastIndexOf("/dist/") + "/dist/".length);
      const source = readFileSync(fileURLToPath(url), "utf8");
      return functions.map(({ ranges: [whole] }) => ({
        file,
        line: source.slice(0, whole.startOffset).split("\n").length,
        source: source.slice(whole.startOffset, whole.endOffset),
        count: whole.count,
      }));
    });
}
