/**
 * `test`: runs the Move unit tests and sums them up.
 */
import { testPackage } from "./compiler.mjs";
import { UserError } from "./errors.mjs";
import { PACKAGES, packageDirectory } from "./layout.mjs";
import { locateFramework, readOurPackage } from "./sources.mjs";

/** Tests the named packages (all when empty). With `verbose` every passed test is listed too. */
export async function test(names, { verbose }) {
  const unknown = names.find((name) => !PACKAGES.some((known) => known.name === name));
  if (unknown) throw new UserError(`there is no package ${unknown}`);
  const framework = locateFramework();
  const chosen = PACKAGES.filter(({ name }) => names.length === 0 || names.includes(name));
  const summaries = [];
  for (const target of chosen) summaries.push(await testOne(target, framework, verbose));
  process.stdout.write(`\nSummary of the Move tests\n${summaries.map((line) => `  ${line.text}\n`).join("")}`);
  if (summaries.some(({ passed }) => !passed)) throw new UserError("Move tests failed");
}

async function testOne(target, framework, verbose) {
  const { name } = target;
  process.stdout.write(`testing ${name}\n`);
  const started = Date.now();
  const sources = { files: readOurPackage(target), directory: packageDirectory(target) };
  const { output, passed } = await testPackage(sources, framework);
  const shown = output.split("\n").filter((line) => verbose || !/^\[ PASS /.test(line));
  process.stdout.write(`${shown.join("\n").trim()}\n`);
  const totals = /Test result: .*/.exec(output)?.[0] ?? "Test result: FAILED. The tests did not compile or did not run";
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  return { passed, text: `${name}: ${totals} (${seconds} s)` };
}
