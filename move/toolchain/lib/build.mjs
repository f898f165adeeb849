/**
 * `build`: compiles what changed, checks the result against Move.lock.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { UserError } from "./errors.mjs";
import { checkFrameworkErrors } from "./framework-errors.mjs";
import {
  BUILD_DIR,
  COMPILER_PACKAGE,
  FRAMEWORK_PACKAGES,
  PACKAGES,
  STAMPS_FILE,
  TOOLCHAIN_DIR,
  outputFile,
  packageDirectory,
} from "./layout.mjs";
import { compareLocks, readLock, writeLock } from "./lock.mjs";
import { hashFiles, locateFramework, productionFiles, readOurPackage, readPackage } from "./sources.mjs";
import { compileWithSui, suiVersion } from "./sui-cli.mjs";

/** Largest package a chain accepts, in bytes, counted as the protocol counts it (without type origins). */
const PACKAGE_BYTES_MAX = 102_400;

/** Compiles framework and packages. Options: compiler ("npm" or "sui"), force, updateLock. */
export async function build(options) {
  const framework = locateFramework();
  const compiler = describeCompiler(options.compiler);
  const job = { ...options, framework, stamps: readStamps(), toolchain: hashToolchain(compiler) };

  const built = [];
  for (const { name, address } of FRAMEWORK_PACKAGES) {
    const directory = path.join(framework.root, name);
    const target = { name, directory, files: readPackage(directory), keepAddress: true, inputs: [] };
    if (await buildOne(job, target)) built.push(`${name} (${address})`);
  }
  for (const ours of PACKAGES) {
    const inputs = [...FRAMEWORK_PACKAGES.map((system) => system.name), ...ours.dependencies];
    const target = { ...ours, directory: packageDirectory(ours), files: readOurPackage(ours), inputs };
    if (await buildOne(job, target)) built.push(ours.name);
  }
  report(built);
  checkFrameworkErrors(framework, options);
  checkLock(describeBuild(compiler, framework), options);
}

/** Compiles one package unless its output is newer than everything it is made from. */
async function buildOne(job, target) {
  const { name, files, keepAddress = false, inputs } = target;
  const stamp = sha256(
    [
      hashFiles(productionFiles(files)),
      job.toolchain,
      ...inputs.map((input) => job.stamps[input]),
    ].join("\n"),
  );
  const fresh = job.stamps[name] === stamp && existsSync(outputFile(name));
  if (fresh && !job.force) return false;
  process.stderr.write(`compiling ${name}\n`);
  const output = await compile(job, target, keepAddress);
  if (output.warnings) process.stderr.write(`${output.warnings}\n`);
  checkSize(name, output.modules);
  const { modules, dependencies, digest } = output;
  writeAtomically(outputFile(name), `${JSON.stringify({ modules, dependencies, digest })}\n`);
  job.stamps[name] = stamp;
  writeAtomically(STAMPS_FILE, `${JSON.stringify(job.stamps, null, 2)}\n`);
  return true;
}

async function compile(job, target, keepAddress) {
  if (job.compiler === "sui" && !keepAddress) return compileWithSui(target);
  // Loaded late: a build in which nothing changed does not need the compiler's 10 MB of WebAssembly.
  const { compilePackage } = await import("./compiler.mjs");
  return compilePackage(target, job.framework, { keepAddress });
}

function checkSize(name, modules) {
  const bytes = modules.reduce((sum, module) => sum + Buffer.from(module, "base64").length, 8);
  const system = FRAMEWORK_PACKAGES.some((framework) => framework.name === name);
  if (bytes > PACKAGE_BYTES_MAX && !system) {
    throw new UserError(`${name} is ${bytes} bytes; a chain accepts at most ${PACKAGE_BYTES_MAX}`);
  }
  process.stderr.write(`  ${modules.length} modules, ${bytes} bytes\n`);
}

function report(built) {
  const message = built.length > 0 ? `compiled ${built.join(", ")}` : "Move packages are up to date";
  process.stderr.write(`${message}\n`);
}

// ---------------------------------------------------------------------------
// Pins

function describeCompiler(kind) {
  if (kind === "sui") return { name: "sui", version: suiVersion() };
  const manifest = path.join(TOOLCHAIN_DIR, "node_modules", COMPILER_PACKAGE, "package.json");
  return { name: COMPILER_PACKAGE, version: JSON.parse(readFileSync(manifest, "utf8")).version };
}

function describeBuild(compiler, framework) {
  const sources = FRAMEWORK_PACKAGES.map(({ name }) => hashFiles(readPackage(path.join(framework.root, name))));
  const digests = [...FRAMEWORK_PACKAGES, ...PACKAGES].map(({ name }) => [name, digestOf(name)]);
  return {
    compiler: { package: compiler.name, version: compiler.version },
    framework: { crate: framework.crate, version: framework.version, sources: sha256(sources.join("\n")) },
    packages: Object.fromEntries(digests),
  };
}

function digestOf(name) {
  return Buffer.from(JSON.parse(readFileSync(outputFile(name), "utf8")).digest).toString("hex");
}

function checkLock(found, { updateLock, compiler }) {
  const pinned = readLock();
  if (updateLock) {
    if (compiler === "sui") throw new UserError("Move.lock pins the npm compiler: update it without --compiler sui");
    writeLock(found);
    process.stderr.write("Move.lock written\n");
    return;
  }
  if (!pinned) throw new UserError("there is no Move.lock; run ./scripts/move build --update-lock");
  const differences = compareLocks(pinned, found);
  if (differences.length === 0) return;
  const list = differences.map((difference) => `  ${difference}`).join("\n");
  if (compiler === "sui") {
    process.stderr.write(`warning: this build differs from Move.lock, as other compilers may:\n${list}\n`);
    return;
  }
  throw new UserError(
    `the build does not match Move.lock:\n${list}\n` +
      `If the change is meant, run ./scripts/move build --update-lock and commit Move.lock.`,
  );
}

// ---------------------------------------------------------------------------
// Stamps: what each output was made from

function readStamps() {
  try {
    return JSON.parse(readFileSync(STAMPS_FILE, "utf8"));
  } catch {
    return {};
  }
}

function hashToolchain(compiler) {
  const own = readdirSync(path.join(TOOLCHAIN_DIR, "lib")).sort();
  const code = own.map((name) => readFileSync(path.join(TOOLCHAIN_DIR, "lib", name), "utf8"));
  return sha256([compiler.name, compiler.version, ...code].join("\n"));
}

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

/** A reader never sees half a file, and two builds at once do not spoil each other's output. */
function writeAtomically(file, content) {
  mkdirSync(BUILD_DIR, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, content);
  renameSync(draft, file);
}
