// Compiles the package beside this file into dear.json, with the repository's own toolchain:
//
//   ./scripts/move build && node tests/move/regenerate.mjs
//
// The compiled module is committed, so that the tests need no compiler.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compilePackage } from "../../move/toolchain/lib/compiler.mjs";
import { locateFramework, readFolder } from "../../move/toolchain/lib/sources.mjs";

const here = new URL("./", import.meta.url);
const framework = await locateFramework();
const { modules, dependencies } = await compilePackage(readFolder(fileURLToPath(new URL("dear", here))), framework);
writeFileSync(new URL("dear.json", here), `${JSON.stringify({ modules, dependencies }, null, 1)}\n`);
