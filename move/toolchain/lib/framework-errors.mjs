/**
 * The error constants of the framework, each with a sentence made from its doc comment. `walrus-contracts` makes a
 * table of them, so that people read sentences where the framework refuses a call.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { UserError } from "./errors.mjs";
import { FRAMEWORK_PACKAGES, MOVE_DIR } from "./layout.mjs";
import { productionFiles, readPackage } from "./sources.mjs";

/** One constant a line: `package::module::EName = code: sentence`. Committed, as it changes only with the framework. */
const ERRORS_FILE = path.join(MOVE_DIR, "framework-errors.txt");

/** Compares the committed list with the framework's sources, or writes it. */
export function checkFrameworkErrors(framework, { updateLock }) {
  const found = frameworkErrors(framework);
  if (updateLock) writeFileSync(ERRORS_FILE, found);
  else if (!existsSync(ERRORS_FILE) || readFileSync(ERRORS_FILE, "utf8") !== found) {
    throw new UserError(`${ERRORS_FILE} is not that of the framework; if it changed on purpose, use --update-lock`);
  }
}

function frameworkErrors(framework) {
  const lines = FRAMEWORK_PACKAGES.flatMap(({ name, aliases }) => {
    const files = productionFiles(readPackage(path.join(framework.root, name)));
    const sources = Object.entries(files).filter(([file]) => file.endsWith(".move") && !/\/tests?\//.test(file));
    return sources.flatMap(([, text]) => errorsOf(text, aliases.at(-1)));
  });
  return `${[...new Set(lines)].sort().join("\n")}\n`;
}

/** Constants with a number. Those that are texts themselves arrive with their text. */
function errorsOf(text, packageName) {
  const lines = [];
  let module;
  let doc = [];
  for (const line of text.split("\n").map((line) => line.trim())) {
    const comment = /^\/\/\/\s?(.*)$/.exec(line);
    const constant = /^const\s+(E\w+)\s*:\s*u64\s*=\s*([\w]+)\s*;/.exec(line);
    module = /^module\s+\w+::(\w+)/.exec(line)?.[1] ?? module;
    if (comment) doc.push(comment[1].trim());
    else if (constant) {
      const code = Number(constant[2].replaceAll("_", ""));
      lines.push(`${packageName}::${module}::${constant[1]} = ${code}: ${sentence(doc, constant[1])}`);
      doc = [];
    } else if (!line.startsWith("#[")) doc = [];
  }
  return lines;
}

/** A doc comment as plain text, or what the name says. */
function sentence(doc, name) {
  const text = doc.join(" ").replaceAll("`", "").replace(/\s+/g, " ").replace(/^For when /, "").trim();
  if (!text) return `The framework refuses this: ${words(name)}.`;
  const whole = text[0].toUpperCase() + text.slice(1);
  return /[.!]$/.test(whole) ? whole.replace(/!$/, ".") : `${whole}.`;
}

/** `EBagNotEmpty` and `EBAG_NOT_EMPTY` as `bag not empty`. */
function words(name) {
  const bare = name.slice(1);
  const spaced = bare.includes("_") ? bare.replaceAll("_", " ") : bare.replace(/([a-z])([A-Z])/g, "$1 $2");
  return spaced.toLowerCase().trim();
}
