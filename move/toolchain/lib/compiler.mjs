/**
 * The pinned compiler and unit-test runner: the Sui Move compiler as WebAssembly, from npm.
 * Nothing here touches a network.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import * as builder from "@zktx.io/sui-move-builder/full";
import { UserError } from "./errors.mjs";
import { FRAMEWORK_PACKAGES, placeholderAddress } from "./layout.mjs";
import { readPackage } from "./sources.mjs";

/** Environment whose publication records the compiler reads; any would do, we supply the records. */
const NETWORK = "mainnet";
/** Tests that never end are stopped after this long. */
const TEST_SECONDS_MAX = 900;

/** Serves dependency sources from disk; anything that would need a network is an error. */
class OfflineFetcher extends builder.MovePackageFetcher {
  constructor(root, framework) {
    super();
    this.root = root;
    this.framework = framework;
  }

  /** Git dependencies. The framework packages, which every package depends on implicitly, are of this kind. */
  async fetch(url, revision, subdirectory = "") {
    const parts = subdirectory.split("/");
    const system = FRAMEWORK_PACKAGES.find(({ name }) => parts.includes(name));
    if (system) return readPackage(path.join(this.framework.root, system.name));
    throw new UserError(
      `git dependency ${url}#${revision} ${subdirectory} is not available offline; use a local dependency`,
    );
  }

  /** Local dependencies; `localPath` is relative to the package being compiled. */
  fetchLocal = async (localPath, { dependencyName }) => {
    const system = FRAMEWORK_PACKAGES.find(({ aliases }) => aliases.includes(dependencyName));
    if (system) return readPackage(path.join(this.framework.root, system.name));
    const files = readPackage(path.resolve(this.root, localPath));
    // Without a publication record a dependency would be called at address 0x0.
    files["Published.toml"] ??= publicationRecord(placeholderAddress(dependencyName));
    return files;
  };

  async fetchFile() {
    return null;
  }

  getResolvedSha() {
    return undefined;
  }
}

/** `Published.toml` text that tells the compiler where a dependency lives on chain. */
export function publicationRecord(address) {
  return [
    `[published.${NETWORK}]`,
    `chain-id = "00000000"`,
    `published-at = "${address}"`,
    `original-id = "${address}"`,
    `version = 1`,
    "",
  ].join("\n");
}

/**
 * Loads the WebAssembly module and returns its low-level bindings. The npm package does not export
 * them, but compiling a package that owns a fixed address (the framework) needs `compile`.
 */
async function loadBindings() {
  const entry = import.meta.resolve("@zktx.io/sui-move-builder/full");
  const wasm = readFileSync(new URL("./sui_move_wasm_bg.wasm", entry));
  await builder.initMovePackageBuilder({ wasm });
  return import(new URL("./sui_move_wasm.js", entry).href);
}

/**
 * Compiles the files of a package to `{modules, dependencies, digest}`, the shape of
 * `sui move build --dump-bytecode-as-base64`. Local dependencies are found from `directory`. With
 * `keepAddress` the modules keep the address of the manifest (framework), otherwise they get 0x0.
 */
export async function compilePackage({ files, directory }, framework, { keepAddress = false } = {}) {
  const bindings = await loadBindings();
  const resolved = await builder.resolveMovePackageDependencies({
    files,
    fetcher: new OfflineFetcher(path.resolve(directory), framework),
    network: NETWORK,
  });
  const compileIntent = keepAddress ? "publish" : "dump";
  const settings = JSON.stringify({ compileIntent, silenceWarnings: keepAddress });
  const result = bindings.compile(resolved.files, resolved.dependencies, settings);
  if (!result.success) throw new UserError(`compilation failed\n${result.output}`);
  const { modules, dependencies, digest, warnings } = JSON.parse(result.output);
  return { modules, dependencies, digest: Array.from(digest), warnings };
}

/** Runs the unit tests among the files of a package; returns the runner's report and whether all passed. */
export function testPackage({ files, directory }, framework) {
  return new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL("./test-worker.mjs", import.meta.url));
    const worker = new Worker(file, { workerData: { files, directory, framework } });
    const timer = setTimeout(() => {
      worker.terminate();
      reject(new UserError(`tests did not finish within ${TEST_SECONDS_MAX} s`));
    }, TEST_SECONDS_MAX * 1000);
    worker.once("error", reject);
    worker.once("exit", () => {
      clearTimeout(timer);
      reject(new UserError("the test runner stopped without a result"));
    });
    worker.once("message", ({ error, output, passed }) => {
      if (error && !output) reject(new UserError(explainTestError(error)));
      else resolve({ output, passed });
    });
  });
}

/** Body of the worker thread: separate, so that the main thread can stop a test that never ends. */
export async function runTests({ files, directory, framework }) {
  await loadBindings();
  const { error, output = "", passed = false } = await builder.testMovePackage({
    files,
    fetcher: new OfflineFetcher(path.resolve(directory), framework),
    network: NETWORK,
    silenceWarnings: true,
    ansiColor: false,
  });
  return { error, output, passed };
}

/** A trap in the runner surfaces as a bare WebAssembly message; say what it usually means. */
function explainTestError(error) {
  if (!/unreachable|out of bounds|RuntimeError/.test(error)) return error;
  return `the test runner crashed (${error}); a native function it does not implement was called`;
}
