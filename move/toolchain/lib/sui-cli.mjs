/**
 * The other compiler: a `sui` binary of the user's, found on the PATH.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { publicationRecord } from "./compiler.mjs";
import { UserError } from "./errors.mjs";
import { PACKAGES, placeholderAddress } from "./layout.mjs";
import { readOurPackage } from "./sources.mjs";

const OUTPUT_BYTES_MAX = 1 << 26;

/** First line of `sui --version`. */
export function suiVersion() {
  try {
    return execFileSync("sui", ["--version"], { encoding: "utf8" }).split("\n")[0].trim();
  } catch (error) {
    if (error.code === "ENOENT") {
      throw new UserError("--compiler sui: there is no `sui` on the PATH; install it or leave the option out");
    }
    throw new UserError(`--compiler sui: \`sui --version\` failed: ${error.message}`);
  }
}

/**
 * Compiles one of our packages with `sui move build`. It works on a copy, in which every local
 * dependency has a publication record at its placeholder address.
 */
export function compileWithSui({ name, dependencies }) {
  const work = mkdtempSync(path.join(tmpdir(), "walrus-move-"));
  try {
    for (const member of [name, ...dependencies]) {
      const files = readOurPackage(PACKAGES.find((ours) => ours.name === member));
      if (member !== name) files["Published.toml"] ??= publicationRecord(placeholderAddress(member));
      writeFiles(path.join(work, member), files);
    }
    const args = ["move", "build", "--path", path.join(work, name), "--build-env", "mainnet"];
    const output = execFileSync("sui", [...args, "--dump-bytecode-as-base64"], {
      encoding: "utf8",
      maxBuffer: OUTPUT_BYTES_MAX,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const json = output.slice(output.indexOf("{"));
    const { modules, dependencies: ids, digest } = JSON.parse(json);
    return { modules, dependencies: ids, digest };
  } catch (error) {
    if (error.status !== undefined) throw new UserError(`\`sui move build\` failed for ${name}`);
    throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function writeFiles(directory, files) {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}
