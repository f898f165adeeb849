/**
 * `compile`: the bytecode of the package in any folder, for whoever wants to compare it with another build.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { compilePackage } from "./compiler.mjs";
import { UserError } from "./errors.mjs";
import { locateFramework, readFolder } from "./sources.mjs";

/** Writes `{modules, dependencies, digest}` as one line of JSON to stdout; compiler messages go to stderr. */
export async function compile(folder) {
  if (!existsSync(folder)) throw new UserError(`there is no folder ${folder}`);
  const target = readFolder(path.resolve(folder));
  const { modules, dependencies, digest, warnings } = await compilePackage(target, locateFramework());
  if (warnings) process.stderr.write(`${warnings}\n`);
  process.stdout.write(`${JSON.stringify({ modules, dependencies, digest })}\n`);
}
