#!/usr/bin/env node
/**
 * Command line of the Move toolchain. Start it through ./scripts/move, which installs what it needs.
 */
import { parseArgs } from "node:util";
import { UserError } from "./lib/errors.mjs";

const USAGE = `Usage: ./scripts/move <command> [options]

Commands
  build                  compile the framework and our packages into move/build/*.json, if they changed
  compile FOLDER         compile the package in any folder; its bytecode goes to stdout, as build writes it
  test [PACKAGE...]      run the Move unit tests
  coverage [PACKAGE...]  list the functions that no unit test executes (takes minutes)
  check-docs             check that the tests which the security review names exist
  fmt                    format the Move sources

Options
  --compiler npm|sui     build: the pinned compiler (npm, the default) or the \`sui\` found on the PATH
  --force                build: compile even what did not change
  --update-lock          build: write the results into Move.lock instead of checking them
  --all                  coverage: also the functions for the package itself
  --verbose              test: list passed tests too
  --check                fmt: change nothing, fail if something would change
  --help                 print this text`;

const OPTIONS = {
  compiler: { type: "string", default: "npm" },
  force: { type: "boolean", default: false },
  "update-lock": { type: "boolean", default: false },
  all: { type: "boolean", default: false },
  verbose: { type: "boolean", default: false },
  check: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
};

async function main() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const [command, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  if (!["npm", "sui"].includes(values.compiler)) {
    throw new UserError(`--compiler expects npm or sui, got ${values.compiler}`);
  }
  if (command === "build" && rest.length === 0) {
    const { build } = await import("./lib/build.mjs");
    await build({ compiler: values.compiler, force: values.force, updateLock: values["update-lock"] });
  } else if (command === "compile" && rest.length === 1) {
    const { compile } = await import("./lib/compile.mjs");
    await compile(rest[0]);
  } else if (command === "test") {
    const { test } = await import("./lib/test.mjs");
    await test(rest, { verbose: values.verbose });
  } else if (command === "coverage") {
    const { coverage } = await import("./lib/coverage.mjs");
    await coverage(rest, { all: values.all });
  } else if (command === "check-docs" && rest.length === 0) {
    const { checkDocs } = await import("./lib/docs.mjs");
    checkDocs();
  } else if (command === "fmt" && rest.length === 0) {
    const { format } = await import("./lib/format.mjs");
    await format({ check: values.check });
  } else {
    throw new UserError(USAGE);
  }
}

try {
  await main();
} catch (error) {
  const known = error instanceof UserError || /^ERR_PARSE_ARGS/.test(error.code);
  process.stderr.write(`error: ${known ? error.message : (error.stack ?? error)}\n`);
  process.exitCode = 1;
}
