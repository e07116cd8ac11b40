// What the package's type declarations promise, read from its .d.ts by the TypeScript compiler, and whether a value keeps it.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import ts from "typescript";

const entry = createRequire(import.meta.url).resolve("headroom-ai");
const declarations = join(dirname(entry), "index.d.ts");
const program = ts.createProgram([declarations], { strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, types: [] });
const checker = program.getTypeChecker();
const exported = new Map(
  checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(declarations))).map((one) => [one.name, one]),
);

/**
 * The type that a path of names leads to: that of an interface ("ToolHints"), or what a function or method comes to once it is
 * called and awaited ("simulate", "HeadroomClient.toin.getStats").
 */
export function promised(path) {
  const [first, ...rest] = path.split(".");
  let symbol = exported.get(first);
  if (!symbol) throw new Error(`the package exports no ${first}`);
  if (symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  const isType = symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias);
  let type = isType ? checker.getDeclaredTypeOfSymbol(symbol) : checker.getTypeOfSymbol(symbol);
  for (const name of rest) {
    const property = type.getProperty(name);
    if (!property) throw new Error(`${path}: there is no ${name}`);
    type = checker.getTypeOfSymbol(property);
  }
  const [signature] = type.getCallSignatures();
  if (!signature) return type;
  const answer = signature.getReturnType();
  return checker.getAwaitedType(answer) ?? answer;
}

/** Where a value is not what its type promises: one line each. */
export function faults(type, value, at = "value") {
  const { flags } = type;
  const wrong = () => [`${at}: ${checker.typeToString(type)} was promised, ${shown(value)} came`];
  if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return value === undefined ? wrong() : [];
  if (flags & ts.TypeFlags.BooleanLike && !(flags & ts.TypeFlags.BooleanLiteral)) return typeof value === "boolean" ? [] : wrong();
  if (type.isUnion()) {
    const tried = type.types.map((one) => faults(one, value, at));
    return tried.some((found) => !found.length) ? [] : value === undefined ? wrong() : tried.sort((a, b) => a.length - b.length)[0];
  }
  if (flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) return value === undefined ? [] : wrong();
  if (flags & ts.TypeFlags.Null) return value === null ? [] : wrong();
  if (type.isStringLiteral() || type.isNumberLiteral()) return value === type.value ? [] : wrong();
  if (flags & ts.TypeFlags.BooleanLiteral) return String(value) === checker.typeToString(type) ? [] : wrong();
  if (flags & ts.TypeFlags.StringLike) return typeof value === "string" ? [] : wrong();
  if (flags & ts.TypeFlags.NumberLike) return Number.isFinite(value) ? [] : wrong();
  if (checker.isArrayType(type)) {
    const [item] = checker.getTypeArguments(type);
    return Array.isArray(value) ? value.flatMap((one, i) => faults(item, one, `${at}[${i}]`)) : wrong();
  }
  if (type.getCallSignatures().length) return typeof value === "function" ? [] : wrong();
  if (typeof value !== "object" || value === null || Array.isArray(value)) return wrong();
  const all = type.getStringIndexType();
  const others = all ? Object.entries(value).flatMap(([key, one]) => faults(all, one, `${at}.${key}`)) : [];
  const fields = type.getProperties().flatMap((field) => {
    const optional = field.flags & ts.SymbolFlags.Optional;
    const one = value[field.name];
    return optional && one === undefined ? [] : faults(checker.getTypeOfSymbol(field), one, `${at}.${field.name}`);
  });
  return [...others, ...fields];
}

/** The value of a call, once it is sure that it keeps what the type at `path` promises. */
export async function kept(path, call) {
  const value = await call;
  const found = faults(promised(path), value, path);
  if (found.length) throw new Error(`not as promised:\n  ${found.join("\n  ")}`);
  return value;
}

function shown(value) {
  return value === undefined ? "undefined" : (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
