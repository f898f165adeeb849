/**
 * `coverage`: finds the functions that no unit test executes.
 *
 * The test runner has no coverage of its own, and prints nothing that a test writes. So functions get an abort
 * with a code of their own in front of their body, and the tests are run: each code that comes back is of a
 * function that some test executes, and so are the functions in the stack trace. Their aborts are taken out,
 * which lets the tests go on to what they hid, until no new code comes back. What still has its abort then
 * was never executed.
 */
import { testPackage } from "./compiler.mjs";
import { UserError } from "./errors.mjs";
import { PACKAGES, packageDirectory } from "./layout.mjs";
import { locateFramework, readOurPackage, readOverlay } from "./sources.mjs";

/** Added to the number of a function: a code that no test and no framework function uses. */
const CODE_BASE = 7_700_000_000_000;
const CODE_PATTERN = /\b77\d{11}\b/g;
/** A frame of a stack trace, such as `blob::burn(sources/system/blob.move:98)`. */
const FRAME_PATTERN = /\b(\w+::\w+)\(sources\//g;

/**
 * Checks the named packages, all when empty; fails if there is a function that no test executes. With `all`
 * the functions for the package itself are checked too, not only those for everybody.
 */
export async function coverage(names, { all }) {
  const unknown = names.find((name) => !PACKAGES.some((known) => known.name === name));
  if (unknown) throw new UserError(`there is no package ${unknown}`);
  const framework = locateFramework();
  let total = 0;
  const missing = [];
  for (const target of PACKAGES.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const { functions, untested } = await coverPackage(target, framework, all);
    total += functions.length;
    missing.push(...untested);
  }
  for (const { file, line, id } of missing) process.stdout.write(`${file}:${line}: ${id}\n`);
  process.stderr.write(`${total} functions: ${missing.length} that no unit test executes\n`);
  if (missing.length > 0) throw new UserError("some functions are not executed by any unit test");
}

async function coverPackage(target, framework, all) {
  const files = readOurPackage(target);
  const functions = findFunctions(target, files, all);
  let untested = functions;
  for (let round = 1; untested.length > 0; round += 1) {
    const stopped = innermost(untested);
    const sources = { files: instrument(files, stopped), directory: packageDirectory(target) };
    const reached = reachedBy(await testPackage(sources, framework), target);
    const left = untested.filter(({ code, id }) => !reached.has(String(code)) && !reached.has(shortId(id)));
    process.stderr.write(`${target.name}, round ${round}: ${functions.length - left.length} of ${functions.length}\n`);
    if (left.length === untested.length) {
      if (stopped.length === untested.length) break;
      // Nothing came from these; it is the turn of what calls them.
      for (const found of stopped) found.idle = true;
    }
    untested = left;
  }
  return { functions, untested };
}

/** Codes and functions that the report of the test runner mentions. */
function reachedBy({ output }, target) {
  if (!/Test result: /.test(output)) throw new UserError(`${target.name} does not compile:\n${output}`);
  const frames = [...output.matchAll(FRAME_PATTERN)].map(([, id]) => id);
  return new Set([...frames, ...(output.match(CODE_PATTERN) ?? [])]);
}

/**
 * The functions to stop at first: those that call no other one of the list, judging by names. A stop there
 * shows the whole chain of callers, a stop at a caller hides what it calls.
 */
function innermost(functions) {
  const names = new Set(functions.filter(({ idle }) => !idle).map(({ id }) => id.split("::").at(-1)));
  const isInner = ({ calls, id }) => !calls.some((name) => names.has(name) && name !== id.split("::").at(-1));
  const inner = functions.filter((found) => found.idle || isInner(found));
  return inner.some(({ idle }) => !idle) ? inner : functions;
}

/** `module::function` without the address, as stack traces have it. */
function shortId(id) {
  return id.split("::").slice(1).join("::");
}

/** The functions of a package that others can call; of a variant, those of its overlay. */
function findFunctions(target, files, all) {
  const pattern = all ? /^(?:public(?:\(package\))? |entry )+fun (\w+)/gm : /^(?:public |entry )+fun (\w+)/gm;
  const names = Object.keys(target.overlay ? readOverlay(target) : files);
  const functions = [];
  for (const file of names.filter((name) => /^sources\/.*\.move$/.test(name)).sort()) {
    const text = files[file];
    if (/^#\[test_only\]\s*(?:\/\/.*\s*)*module\b/m.test(text)) continue;
    const module = /^module\s+([\w:]+)/m.exec(text)[1];
    for (const match of text.matchAll(pattern)) {
      if (isTestOnly(text, match.index)) continue;
      const body = bodyStart(text, match.index);
      const end = text.indexOf("\n}", body);
      functions.push({
        file: `${target.name}/${file}`,
        source: file,
        line: text.slice(0, match.index).split("\n").length,
        id: `${module}::${match[1]}`,
        body,
        calls: [...text.slice(body, end).matchAll(/\b(\w+)(?:<[^>]*>)?\(/g)].map(([, name]) => name),
      });
    }
  }
  return functions.map((found, index) => ({ ...found, code: CODE_BASE + index }));
}

/** Whether the attributes and comments in front of an item say that it exists for tests only. */
function isTestOnly(text, index) {
  const lines = text.slice(0, index).trimEnd().split("\n");
  for (let line = lines.length - 1; line >= 0 && /^(#\[|\/\/)/.test(lines[line]); line -= 1) {
    if (/^#\[.*\btest_only\b/.test(lines[line])) return true;
  }
  return false;
}

/** Position behind the brace that opens the body of a function: the first one behind its parameters. */
function bodyStart(text, index) {
  let depth = 0;
  for (let at = text.indexOf("(", text.indexOf(" fun ", index)); at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    else if (text[at] === ")") depth -= 1;
    else if (text[at] === "{" && depth === 0) return at + 1;
  }
  throw new UserError(`a function has no body: ${text.slice(index, index + 80)}`);
}

/** The files with an abort in front of the body of each of the functions. */
function instrument(files, functions) {
  const changed = { ...files };
  // From the end of a file to its start, so that the positions stay right.
  for (const { source, body, code } of [...functions].reverse()) {
    changed[source] = `${changed[source].slice(0, body)} abort ${code};${changed[source].slice(body)}`;
  }
  return changed;
}
