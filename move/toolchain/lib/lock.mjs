/**
 * `Move.lock` at the top of the repository: what the packages are compiled from, and to.
 * The file is TOML of the plainest kind: tables of `key = "string"`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { UserError } from "./errors.mjs";
import { LOCK_FILE } from "./layout.mjs";

const HEADER = `# Pins what the Move packages are compiled from (compiler, framework) and to (package digests).
# Checked by ./scripts/move build; rewritten by ./scripts/move build --update-lock.
`;

/** The pins as an object of tables, or undefined when there is no file yet. */
export function readLock() {
  if (!existsSync(LOCK_FILE)) return undefined;
  const lock = {};
  let table;
  readFileSync(LOCK_FILE, "utf8")
    .split("\n")
    .forEach((line, index) => {
      const text = line.replace(/#.*$/, "").trim();
      const heading = /^\[([\w-]+)\]$/.exec(text);
      const pair = /^([\w-]+) *= *"([^"]*)"$/.exec(text);
      if (heading) table = lock[heading[1]] = {};
      else if (pair && table) table[pair[1]] = pair[2];
      else if (text) throw new UserError(`Move.lock:${index + 1}: cannot read this line: ${text}`);
    });
  return lock;
}

export function writeLock(lock) {
  const tables = Object.entries(lock).map(([name, pairs]) => {
    const lines = Object.entries(pairs).map(([key, value]) => `${key} = "${value}"`);
    return `[${name}]\n${lines.join("\n")}\n`;
  });
  writeFileSync(LOCK_FILE, `${HEADER}\n${tables.join("\n")}`);
}

/** Differences between two locks, one sentence each. */
export function compareLocks(expected, found) {
  const differences = [];
  for (const [table, pairs] of Object.entries(found)) {
    for (const [key, value] of Object.entries(pairs)) {
      const pinned = expected[table]?.[key];
      if (pinned !== value) {
        differences.push(`${table}.${key}: Move.lock has ${pinned ?? "nothing"}, this build has ${value}`);
      }
    }
  }
  return differences;
}
