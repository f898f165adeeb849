/**
 * `coverage`: finds the functions that no unit test executes.
 *
 * The test runner has no coverage of its own, and nothing a test prints gets out of it; only the code with
 * which a test aborts does. So, first, functions emit an event when they are called, and at its end each test
 * aborts with the numbers of a few functions from its events. Functions that are reported drop out, until
 * nothing new comes. That misses what tests do that abort by intention, or before they start another
 * transaction. So, second, each function that is left aborts with its number when it is called, again until
 * nothing new comes. What is left then was never executed.
 */
import { testPackage } from "./compiler.mjs";
import { UserError } from "./errors.mjs";
import { abortAtStart, findFunctions, reportAtEnd } from "./instrument.mjs";
import { PACKAGES, packageDirectory } from "./layout.mjs";
import { locateFramework, readOurPackage, readOverlay } from "./sources.mjs";

/**
 * Checks the named packages, all when empty; fails if there is a function that no test executes. With `all`
 * the functions for the package itself are checked too, not only those for everybody.
 */
export async function coverage(names, { all }) {
  const unknown = names.find((name) => !PACKAGES.some((known) => known.name === name));
  if (unknown) throw new UserError(`there is no package ${unknown}`);
  const framework = locateFramework();
  const chosen = PACKAGES.filter(({ name }) => names.length === 0 || names.includes(name));
  let total = 0;
  const missing = [];
  for (const target of chosen) {
    const files = readOurPackage(target);
    const own = Object.keys(target.overlay ? readOverlay(target) : files);
    const functions = findFunctions(files, own, all);
    const run = (changed) => testPackage({ files: changed, directory: packageDirectory(target) }, framework);
    const unreported = await untilNothingNew(target.name, functions, run, (left) => reportAtEnd(files, left));
    const untested = await untilNothingNew(target.name, unreported, run, (left) => abortAtStart(files, left));
    total += functions.length;
    missing.push(...untested.map(({ file, line, id }) => `move/${target.base ?? target.name}/${file}:${line}: ${id}`));
  }
  for (const line of missing) process.stdout.write(`${line}\n`);
  process.stderr.write(`${total} functions: ${missing.length} that no unit test executes\n`);
  if (missing.length > 0) throw new UserError("some functions are not executed by any unit test");
}

/** Runs the instrumented tests until a run reports no function that is still left; returns those. */
async function untilNothingNew(name, functions, run, instrument) {
  let left = functions;
  while (left.length > 0) {
    const { files, reported } = instrument(left);
    const { output } = await run(files);
    if (!/Test result: /.test(output)) throw new UserError(`${name} does not compile:\n${output}`);
    const executed = reported(output);
    const still = left.filter((found) => !executed.has(found));
    process.stderr.write(`${name}: ${still.length} functions left\n`);
    if (still.length === left.length) break;
    left = still;
  }
  return left;
}
