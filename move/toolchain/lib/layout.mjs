/**
 * Where things are, and which packages exist. Everything else takes its paths and names from here.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";

export const TOOLCHAIN_DIR = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const MOVE_DIR = path.dirname(TOOLCHAIN_DIR);
export const REPOSITORY_DIR = path.dirname(MOVE_DIR);
export const BUILD_DIR = path.join(MOVE_DIR, "build");
export const LOCK_FILE = path.join(REPOSITORY_DIR, "Move.lock");
export const STAMPS_FILE = path.join(BUILD_DIR, "stamps.json");
export const FRAMEWORK_MANIFEST = path.join(TOOLCHAIN_DIR, "framework", "Cargo.toml");

/** Framework packages: directory inside the crate, address, and the names manifests give them. */
export const FRAMEWORK_PACKAGES = [
  { name: "move-stdlib", address: "0x1", aliases: ["MoveStdlib", "std"] },
  { name: "sui-framework", address: "0x2", aliases: ["Sui", "sui"] },
];

/**
 * Our packages, in publish order, with the local packages each one calls. A variant is another version of
 * a package: `base` names the package, `overlay` the folder in it whose files take the place of others.
 */
export const PACKAGES = [
  { name: "wal", dependencies: [] },
  { name: "wal_exchange", dependencies: ["wal"] },
  { name: "walrus", dependencies: ["wal"] },
  { name: "walrus_v4", base: "walrus", overlay: "upgrades/v4", dependencies: ["wal"] },
  { name: "subsidies", dependencies: ["wal", "walrus"] },
  { name: "walrus_subsidies", dependencies: ["wal", "walrus"] },
  { name: "blob_bucket", dependencies: ["wal", "walrus"] },
  { name: "walrus_governance", dependencies: ["wal", "walrus"] },
  { name: "seal", dependencies: [] },
  { name: "seal_committee", dependencies: ["seal"] },
  { name: "policies", dependencies: [] },
];

/**
 * Address under which a package that is not on chain yet is compiled into its dependants. Deployment
 * replaces it by the published id; `walrus_contracts::packages` holds the same constants.
 * The value is the text `placeholder:<name>`, right-aligned in 32 bytes.
 */
export function placeholderAddress(name) {
  const text = Buffer.from(`placeholder:${name}`, "ascii").toString("hex");
  return `0x${text.padStart(64, "0")}`;
}

/** Folder of a package; a variant is compiled as if it stood in the folder of its base. */
export function packageDirectory({ name, base = name }) {
  return path.join(MOVE_DIR, base);
}

/** The compiled form of a package. */
export function outputFile(name) {
  return path.join(BUILD_DIR, `${name}.json`);
}

/** Version of Sui Move that is built into the pinned npm compiler. */
export const COMPILER_PACKAGE = "@zktx.io/sui-move-builder";
