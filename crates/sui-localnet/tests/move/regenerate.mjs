// Compiles the fixture packages beside this file into NAME.json, with the repository's own toolchain:
//
//   ./scripts/move build && node crates/sui-localnet/tests/move/regenerate.mjs
//
// The compiled modules are committed, so that the tests of execution need no compiler.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compilePackage } from "../../../../move/toolchain/lib/compiler.mjs";
import { locateFramework, readFolder } from "../../../../move/toolchain/lib/sources.mjs";

const here = new URL("./", import.meta.url);
const framework = await locateFramework();
for (const name of ["objects", "rules"]) {
  const directory = fileURLToPath(new URL(name, here));
  const { modules, dependencies, digest } = await compilePackage(readFolder(directory), framework);
  const output = fileURLToPath(new URL(`${name}.json`, here));
  writeFileSync(output, `${JSON.stringify({ modules, dependencies, digest }, null, 1)}\n`);
  console.log(`${output}: ${modules.length} modules`);
}
