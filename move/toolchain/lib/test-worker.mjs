/**
 * Worker thread of the unit-test runner.
 */
import { parentPort, workerData } from "node:worker_threads";
import { runTests } from "./compiler.mjs";

const failure = (error) => ({ error: error.message, output: "", passed: false });
parentPort.postMessage(await runTests(workerData).catch(failure));
