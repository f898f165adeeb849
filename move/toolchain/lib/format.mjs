/**
 * `fmt`: formats the Move sources with the Move plugin of prettier.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as plugin from "@mysten/prettier-plugin-move";
import prettier from "prettier";
import { UserError } from "./errors.mjs";
import { MOVE_DIR, PACKAGES, packageDirectory } from "./layout.mjs";
import { readOverlay, readPackage } from "./sources.mjs";

const STYLE = { parser: "move", plugins: [plugin], printWidth: 100, tabWidth: 4, useModuleLabel: true, autoGroupImports: "module" };

/** Formats every Move file in place; with `check` only says which ones would change. */
export async function format({ check }) {
  const changed = [];
  for (const target of PACKAGES) {
    const { overlay } = target;
    const directory = path.join(packageDirectory(target), overlay ?? "");
    const sources = Object.keys(overlay ? readOverlay(target) : readPackage(directory));
    for (const source of sources.filter((file) => file.endsWith(".move"))) {
      const file = path.join(directory, source);
      if (await formatFile(file, check)) changed.push(path.relative(MOVE_DIR, file));
    }
  }
  if (check && changed.length > 0) {
    throw new UserError(`not formatted:\n${changed.map((file) => `  ${file}`).join("\n")}\nRun ./scripts/move fmt`);
  }
  process.stderr.write(changed.length > 0 ? `formatted ${changed.join(", ")}\n` : "Move sources are formatted\n");
}

async function formatFile(file, check) {
  const before = readFileSync(file, "utf8");
  const after = await prettier.format(before, { ...STYLE, filepath: file });
  if (after === before) return false;
  if (!check) writeFileSync(file, after);
  return true;
}
