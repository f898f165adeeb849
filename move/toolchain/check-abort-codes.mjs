#!/usr/bin/env node
/**
 * Prints every abort code of our packages that no unit test expects, and fails if there is one.
 * Start it through ./scripts/check-abort-codes.
 */
import { checkAbortCodes } from "./lib/abort-codes.mjs";
import { UserError } from "./lib/errors.mjs";

try {
  const { codes, exceptions, untested, stale } = checkAbortCodes();
  for (const id of untested) process.stdout.write(`${id}\n`);
  for (const sentence of stale) process.stderr.write(`the list of exceptions is out of date: ${sentence}\n`);
  process.stderr.write(
    `${codes} abort codes: ${untested.length} without a test, ${exceptions} that no unit test can expect\n`,
  );
  if (untested.length > 0 || stale.length > 0) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
}
