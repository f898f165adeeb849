/**
 * Reading Move packages and the framework from disk.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { UserError } from "./errors.mjs";
import { FRAMEWORK_MANIFEST, FRAMEWORK_PACKAGES, packageDirectory } from "./layout.mjs";

const SOURCE_DIRECTORIES = ["sources", "tests", "examples", "scripts"];
const CARGO_OUTPUT_BYTES_MAX = 1 << 28;

/** Files of a package, keyed by their path relative to its root with `/` separators. */
export function readPackage(directory) {
  if (!existsSync(path.join(directory, "Move.toml"))) {
    throw new UserError(`${directory} is not a Move package: it has no Move.toml`);
  }
  const files = {};
  for (const name of readdirSync(directory).sort()) {
    // A package's own Move.lock is left out on purpose: it pins git revisions, which nobody fetches here.
    if (/^Move(\.[^.]+)?\.toml$/.test(name) || name === "Published.toml") {
      files[name] = readFileSync(path.join(directory, name), "utf8");
    }
  }
  for (const root of SOURCE_DIRECTORIES) collect(path.join(directory, root), root, files);
  return files;
}

/** Files of one of our packages: for a variant those of its base, with the overlay in place of some. */
export function readOurPackage(target) {
  const directory = packageDirectory(target);
  return target.overlay ? readVariant(directory, path.join(directory, target.overlay)) : readPackage(directory);
}

/** Files of the package in `directory`, with those in the folder `overlay` in place of some. */
export function readVariant(directory, overlay) {
  const files = readPackage(directory);
  for (const [name, content] of Object.entries(readSources(overlay))) {
    // Both versions have the same modules: one is an upgrade of the other.
    if (!(name in files)) {
      throw new UserError(`${name} of the overlay ${overlay} replaces nothing in ${directory}`);
    }
    files[name] = content;
  }
  return files;
}

/** Files of the overlay of a variant, keyed like those of a package. */
export function readOverlay(target) {
  return readSources(path.join(packageDirectory(target), target.overlay));
}

function readSources(overlay) {
  const files = {};
  for (const root of SOURCE_DIRECTORIES) collect(path.join(overlay, root), root, files);
  if (Object.keys(files).length === 0) throw new UserError(`the overlay ${overlay} has no files`);
  return files;
}

/**
 * The package that `folder` holds, as `{directory, files}`: a package, or an overlay of one, inside whose folder
 * it is.
 */
export function readFolder(folder) {
  if (existsSync(path.join(folder, "Move.toml"))) return { directory: folder, files: readPackage(folder) };
  let base = path.dirname(folder);
  while (!existsSync(path.join(base, "Move.toml"))) {
    const parent = path.dirname(base);
    if (parent === base) throw new UserError(`${folder} is not a Move package: it has no Move.toml`);
    base = parent;
  }
  return { directory: base, files: readVariant(base, folder) };
}

function collect(directory, prefix, files) {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory).sort()) {
    const file = path.join(directory, name);
    if (statSync(file).isDirectory()) collect(file, `${prefix}/${name}`, files);
    else if (name.endsWith(".move")) files[`${prefix}/${name}`] = readFileSync(file, "utf8");
  }
}

/** SHA-256 over the paths and contents of files as returned by `readPackage`. */
export function hashFiles(files) {
  const hash = createHash("sha256");
  for (const name of Object.keys(files).sort()) {
    const content = Buffer.from(files[name], "utf8");
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/** The files that decide what a package compiles to: no tests, no examples. */
export function productionFiles(files) {
  const isProduction = ([name]) => !name.includes("/") || name.startsWith("sources/");
  return Object.fromEntries(Object.entries(files).filter(isProduction));
}

/**
 * Finds the framework: the sources inside the crate that `toolchain/framework/Cargo.toml` pins.
 * Cargo downloads the crate on first use and checks it against the committed Cargo.lock.
 */
export function locateFramework() {
  const crate = frameworkCrate(["--frozen"]) ?? fetchFramework();
  const root = path.join(path.dirname(crate.manifest_path), "move");
  const missing = FRAMEWORK_PACKAGES.find(({ name }) => !existsSync(path.join(root, name)));
  if (missing) throw new UserError(`${crate.name} ${crate.version} does not hold ${missing.name}`);
  return { crate: crate.name, version: crate.version, root };
}

function fetchFramework() {
  try {
    cargo(["fetch", "--locked", "--manifest-path", FRAMEWORK_MANIFEST], "inherit");
  } catch {
    throw new UserError("the Move framework sources could not be downloaded (cargo fetch failed)");
  }
  const crate = frameworkCrate(["--locked"]);
  if (!crate) throw new UserError(`cargo cannot resolve ${FRAMEWORK_MANIFEST}`);
  return crate;
}

function frameworkCrate(mode) {
  const query = ["metadata", "--format-version", "1", "--manifest-path", FRAMEWORK_MANIFEST];
  try {
    const metadata = JSON.parse(cargo([...query, ...mode], "ignore"));
    return metadata.packages.find(({ name }) => name === "moverox-sui");
  } catch {
    return undefined;
  }
}

function cargo(args, stderr) {
  return execFileSync("cargo", args, {
    encoding: "utf8",
    maxBuffer: CARGO_OUTPUT_BYTES_MAX,
    stdio: ["ignore", stderr === "inherit" ? 2 : "pipe", stderr],
  });
}
