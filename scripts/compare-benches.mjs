// Joins the results of two trees, measured in turns: `compare-benches.mjs (--json|text) FOLDER`, where FOLDER has the
// files ours-N and theirs-N. Of each number the best counts.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [format, folder] = process.argv.slice(2);

function best(side) {
  const found = new Map();
  for (const file of readdirSync(folder).filter((name) => name.startsWith(side))) {
    for (const { name, value, unit } of JSON.parse(readFileSync(join(folder, file), "utf8"))) {
      // Seconds and bytes: less is better.
      const before = found.get(name);
      if (before === undefined || value < before.value) found.set(name, { value, unit });
    }
  }
  return found;
}

const theirs = best("theirs");
const rows = [...best("ours")].map(([name, { value, unit }]) => {
  const baseline = theirs.get(name)?.value ?? null;
  return { name, value, unit, baseline, ratio: baseline === null ? null : baseline / value };
});

if (format === "--json") {
  console.log(JSON.stringify(rows, null, 2));
} else {
  const cell = (number, width) => (number === null ? "-" : number.toPrecision(4)).padStart(width);
  console.log(`${"name".padEnd(64)}${"this tree".padStart(12)}${"the other".padStart(12)}${"ratio".padStart(9)}`);
  for (const { name, value, unit, baseline, ratio } of rows) {
    const numbers = cell(value, 12) + cell(baseline, 12) + cell(ratio, 9);
    console.log(`${name.padEnd(64)}${numbers}  ${unit}`);
  }
}
