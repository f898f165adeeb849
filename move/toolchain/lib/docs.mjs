/**
 * `check-docs`: the unit tests and files that the security review names must exist.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { UserError } from "./errors.mjs";
import { PACKAGES, REPOSITORY_DIR } from "./layout.mjs";
import { readOurPackage } from "./sources.mjs";

const DOCUMENT = "docs/security-contracts.md";
/** `module_tests::test` or a Rust test file, in backquotes. */
const REFERENCE = /`(?:(\w+_tests)::(\w+)|(tests\/\S+\.rs))`/g;

/** Fails if the document names a test or a file that does not exist. */
export function checkDocs() {
  const tests = new Set(PACKAGES.flatMap((target) => testsOf(readOurPackage(target))));
  const text = readFileSync(path.join(REPOSITORY_DIR, DOCUMENT), "utf8");
  const references = [...text.matchAll(REFERENCE)];
  const missing = references
    .filter(([, module, test, file]) =>
      file ? !existsSync(path.join(REPOSITORY_DIR, file)) : !tests.has(`${module}::${test}`),
    )
    .map(([reference]) => reference);
  if (missing.length > 0) throw new UserError(`${DOCUMENT} names what does not exist:\n  ${missing.join("\n  ")}`);
  process.stderr.write(`${DOCUMENT} names ${references.length} tests, and all exist\n`);
}

function testsOf(files) {
  return Object.values(files).flatMap((text) => {
    const module = /^module\s+\w+::(\w+)/m.exec(text)?.[1];
    const tests = text.matchAll(/^#\[\s*(?:random_)?test\b[^\]]*\](?:\s*#\[[^\]]*\])*\s*fun (\w+)/gm);
    return [...tests].map(([, test]) => `${module}::${test}`);
  });
}
