/**
 * The abort codes of our packages, and which of them the unit tests expect. Works on the text of the
 * sources: no compiler is needed.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { UserError } from "./errors.mjs";
import { MOVE_DIR, PACKAGES, REPOSITORY_DIR } from "./layout.mjs";
import { readOurPackage } from "./sources.mjs";

/** Codes that no unit test can expect, one a line: `address::module::EName: reason`. */
const EXCEPTIONS_FILE = path.join(MOVE_DIR, "abort-codes-without-test.txt");

/**
 * Compares the codes with the tests. Returns how many codes and exceptions there are, the codes that no
 * test expects, and what is wrong with the list of exceptions, one sentence each.
 */
export function checkAbortCodes() {
  const codes = new Map();
  const expected = new Set();
  for (const target of PACKAGES) {
    for (const [name, content] of Object.entries(readOurPackage(target))) {
      if (!name.endsWith(".move")) continue;
      const text = withoutComments(content);
      for (const code of declaredCodes(text)) codes.set(code.id, code);
      for (const expectation of expectations(text)) expected.add(expectation);
    }
  }
  const isExpected = ({ id, module, value }) => expected.has(id) || expected.has(`${module}::${value}`);
  const exceptions = readExceptions();
  const stale = [...exceptions].flatMap(([id, reason]) => staleness(codes.get(id), id, reason, isExpected));
  const untested = [...codes.values()].filter((code) => !isExpected(code) && !exceptions.has(code.id));
  return { codes: codes.size, exceptions: exceptions.size, untested: untested.map(({ id }) => id).sort(), stale };
}

/** Abort codes declared in a file: constants named `EName`, with the module they stand in. */
function declaredCodes(text) {
  const codes = [];
  let module;
  for (const line of text.split("\n")) {
    module = /^\s*module\s+([\w:]+)/.exec(line)?.[1] ?? module;
    const constant = /^\s*const\s+(E[A-Z]\w*[a-z]\w*)\s*:\s*[\w<>]+\s*=\s*([^;]*)/.exec(line);
    if (!constant) continue;
    const [, name, value] = constant;
    const uses = text.match(new RegExp(`\\b${name}\\b`, "g")).length - 1;
    codes.push({ id: `${module}::${name}`, module, value: value.replaceAll("_", "").trim(), uses });
  }
  return codes;
}

/** What the tests of a file expect, as `address::module::EName` or `address::module::7`. */
function expectations(text) {
  const modules = importedModules(text);
  const resolve = (name) => {
    const parts = name.split("::");
    return parts.length === 1 ? (modules.get(name) ?? name) : name;
  };
  return [...text.matchAll(/expected_failure\s*\(([^)]*)\)/g)].flatMap(([, list]) => {
    const code = /\babort_code\s*=\s*([\w:]+)/.exec(list)?.[1];
    if (!code) return [];
    const location = /\blocation\s*=\s*([\w:]+)/.exec(list)?.[1];
    if (/^\d/.test(code)) return location ? [`${resolve(location)}::${code}`] : [];
    const at = code.lastIndexOf("::");
    return at < 0 ? [] : [`${resolve(code.slice(0, at))}::${code.slice(at + 2)}`];
  });
}

/** The names under which a file knows modules, with their full paths. */
function importedModules(text) {
  const modules = new Map([...text.matchAll(/^\s*module\s+([\w:]+)/gm)].map(([, full]) => ["Self", full]));
  for (const [, use] of text.matchAll(/^\s*use\s+([^;]+);/gm)) {
    for (const { full, alias } of expandUse(use.replace(/\s+/g, " ").trim())) {
      const parts = full.split("::");
      if (parts.at(-1) === "Self") {
        parts.pop();
        modules.set(alias === "Self" ? parts.at(-1) : alias, parts.join("::"));
      } else if (parts.length === 2) {
        modules.set(alias, full);
      }
    }
  }
  return modules;
}

/** `a::{b, c::{Self, D as E}}` as a list of full paths and the names they get. */
function expandUse(use) {
  const brace = use.indexOf("{");
  if (brace < 0) {
    const [full, alias] = use.split(/\s+as\s+/);
    return [{ full, alias: alias ?? full.split("::").at(-1) }];
  }
  const prefix = use.slice(0, brace);
  return splitList(use.slice(brace + 1, use.lastIndexOf("}"))).flatMap((item) => expandUse(prefix + item));
}

/** Splits at the commas that are in no braces. */
function splitList(list) {
  const items = [""];
  let depth = 0;
  for (const character of list) {
    depth += { "{": 1, "}": -1 }[character] ?? 0;
    if (character === "," && depth === 0) items.push("");
    else items[items.length - 1] += character;
  }
  return items.map((item) => item.trim()).filter((item) => item !== "");
}

function withoutComments(content) {
  return content.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}

// ---------------------------------------------------------------------------
// Exceptions

function readExceptions() {
  const exceptions = new Map();
  readFileSync(EXCEPTIONS_FILE, "utf8")
    .split("\n")
    .forEach((line, index) => {
      const text = line.replace(/^#.*$/, "").trim();
      if (!text) return;
      const entry = /^(\w+::\w+::\w+): (.+)$/.exec(text);
      const place = `${path.relative(REPOSITORY_DIR, EXCEPTIONS_FILE)}:${index + 1}`;
      if (!entry) throw new UserError(`${place}: expected \`address::module::EName: reason\`, got: ${text}`);
      if (exceptions.has(entry[1])) throw new UserError(`${place}: ${entry[1]} is there twice`);
      exceptions.set(entry[1], entry[2]);
    });
  return exceptions;
}

/** Why an exception does not hold any more: nothing if it does. */
function staleness(code, id, reason, isExpected) {
  if (!code) return [`${id} does not exist`];
  if (isExpected(code)) return [`a test expects ${id}`];
  if (reason.startsWith("unused") && code.uses > 0) return [`${id} is used`];
  const test = /\S+\.rs\b/.exec(reason)?.[0];
  if (!test) return [];
  const file = path.join(REPOSITORY_DIR, test);
  const module = `"${code.module.split("::")[1]}"`;
  if (!existsSync(file)) return [`${id}: there is no ${test}`];
  return readFileSync(file, "utf8").includes(module) ? [] : [`${id}: ${test} does not mention ${module}`];
}
