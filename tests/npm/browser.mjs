// Opens a page in a headless Chromium and plays scenes in it.
//
//   node browser.mjs CHROMIUM PROFILE_FOLDER SCENES_JSON
//
// SCENES_JSON is an array of [name, ...arguments] of the scenes in page.mjs. Prints one JSON object: what the scenes return,
// and how many answers with status 206 the page got.
import fs from "node:fs";
import http from "node:http";
import { build } from "esbuild";
import puppeteer from "puppeteer-core";

const [executablePath, userDataDir, scenesJson] = process.argv.slice(2);
const scenes = JSON.parse(scenesJson);
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--mute-audio",
];
/** No scene takes this long; a page that hangs fails the test. */
const TIMEOUT_MS = 600_000;

const bundle = await build({ entryPoints: ["page.mjs"], bundle: true, format: "esm", write: false, logLevel: "error" });
const HTML = '<!doctype html><meta charset="utf-8"><title>Walrus</title><script type="module" src="/page.js"></script>';
const wasm = new URL(import.meta.resolve("@mysten/walrus-wasm/web/walrus_wasm_bg.wasm"));
const files = {
  "/": ["text/html", HTML],
  "/favicon.ico": ["image/x-icon", ""],
  "/page.js": ["text/javascript", bundle.outputFiles[0].contents],
  "/walrus.wasm": ["application/wasm", fs.readFileSync(wasm)],
};
const server = http.createServer((request, response) => {
  const [type, content] = files[request.url] ?? [];
  response.writeHead(type ? 200 : 404, { "content-type": type ?? "text/plain" });
  response.end(content);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const browser = await puppeteer.launch({
  executablePath,
  userDataDir,
  headless: true,
  args: FLAGS,
  protocolTimeout: TIMEOUT_MS,
});
const results = [];
let parts = 0;
try {
  const page = await browser.newPage();
  page.on("console", (message) => console.error(message.text()));
  page.on("pageerror", (error) => console.error(error));
  page.on("requestfailed", (request) => console.error(request.url(), request.failure()?.errorText));
  page.on("response", (response) => (parts += response.status() === 206 ? 1 : 0));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction("window.scenes");
  for (const [name, ...args] of scenes) {
    results.push(await page.evaluate((name, args) => window.scenes[name](...args), name, args));
  }
} finally {
  await browser.close();
  server.close();
}
console.log(JSON.stringify({ results, parts }));
