// What the unmodified @mysten/walrus needs of storage nodes, item by item, across an epoch change.
//
//   node acceptance.mjs READY_JSON
//
// READY_JSON is the ready line of `walrus-localnet up --json`. Prints {"next":"epoch"} when the next
// epoch has to begin, and goes on when it is answered with a line; then prints {"stored":[blobId, ...]}.
import assert from "node:assert/strict";
import { createInterface } from "node:readline/promises";
import { SuiGrpcClient } from "@mysten/sui/grpc";
import { Ed25519Keypair } from "@mysten/sui/keypairs/ed25519";
import { NotFoundError, WalrusClient } from "@mysten/walrus";
// The package does not export it, but this is what it talks to nodes with.
import { StorageNodeClient } from "./node_modules/@mysten/walrus/dist/storage-node/client.mjs";

const ready = JSON.parse(process.argv[2]);
const urls = ready.nodes.map((node) => node.url);
const scheme = new URL(urls[0]).protocol.slice(0, -1);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Every exchange with a storage node: what was asked of whom, and what came back.
let exchanges = [];
const recorded = async (url, init) => {
  const { origin, pathname } = new URL(url);
  const method = init?.method ?? "GET";
  const response = await fetch(url, init);
  exchanges.push({ origin, method, path: pathname, status: response.status, body: await response.clone().text() });
  return response;
};

const suiClient = new SuiGrpcClient({ network: "localnet", baseUrl: ready.rpc });
const signer = Ed25519Keypair.fromSecretKey(ready.accounts[0].secret);
const walrus = new WalrusClient({
  suiClient,
  packageConfig: { systemObjectId: ready.system_object, stakingPoolId: ready.staking_object },
  storageNodeUrlScheme: scheme,
  storageNodeClientOptions: { fetch: recorded },
});
const nodes = new StorageNodeClient({ fetch: recorded });

const bytes = (size, seed) => Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed) % 251);

// The requests of a kind, which every node must have answered with one of these statuses.
function everyNode(what, method, pattern, statuses) {
  for (const origin of urls) {
    const own = exchanges.filter((one) => one.origin === origin && one.method === method && pattern.test(one.path));
    assert.notEqual(own.length, 0, `${what}: ${origin} was not asked`);
    for (const one of own) {
      assert.ok(statuses.includes(one.status), `${what}: ${origin} ${one.path} -> ${one.status} ${one.body}`);
    }
  }
}

// 1. Any origin may use any route, also with the preflight of a PUT with a content type.
async function preflights() {
  for (const url of urls) {
    const answer = await fetch(`${url}/v1/blobs/x/metadata`, {
      method: "OPTIONS",
      headers: {
        Origin: "https://app.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
      },
    });
    assert.ok(answer.ok, `${url}: ${answer.status}`);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.match(answer.headers.get("access-control-allow-methods"), /\*|PUT/);
    assert.match(answer.headers.get("access-control-allow-headers").toLowerCase(), /\*|content-type/);
  }
}

// 2. and 3. Nobody knows a blob that is not registered, and nobody takes it.
async function unregistered() {
  const encoded = await walrus.encodeBlob(bytes(1_000, 99));
  for (const nodeUrl of urls) {
    const { blobId, metadata } = encoded;
    const answer = await fetch(`${nodeUrl}/v1/blobs/${blobId}/metadata/status`);
    assert.equal((await answer.json()).success.data, "nonexistent");
    await assert.rejects(nodes.storeBlobMetadata({ blobId, metadata }, { nodeUrl }), (error) => {
      assert.equal(error.constructor.name, "BlobNotRegisteredError");
      return true;
    });
    await assert.rejects(nodes.getBlobMetadata({ blobId }, { nodeUrl }), NotFoundError);
    assert.deepEqual(await nodes.getBlobStatus({ blobId }, { nodeUrl }), { type: "nonexistent" });
  }
}

// 2. to 5. A blob is stored: the client compares the signed messages byte by byte and checks the signatures.
async function store(size, seed, deletable) {
  exchanges = [];
  const blob = bytes(size, seed);
  const { blobId, blobObject } = await walrus.writeBlob({ blob, deletable, epochs: 5, signer });
  assert.notEqual(blobObject.certified_epoch, null);
  everyNode("metadata status", "GET", /\/metadata\/status$/, [200]);
  everyNode("metadata", "PUT", /\/metadata$/, [200, 201]);
  everyNode("slivers", "PUT", /\/slivers\/\d+\/(primary|secondary)$/, [200, 201]);
  everyNode("confirmation", "GET", deletable ? /\/confirmation\/deletable\/0x/ : /\/confirmation\/permanent$/, [200]);
  const slivers = exchanges.filter((one) => one.method === "PUT" && one.path.includes("/slivers/"));
  assert.equal(slivers.length, 2 * ready.nodes.reduce((sum, node) => sum + node.shards.length, 0));
  return { blobId, blob, deletable };
}

// 6. and 7. It is read, and all nodes say the same about it, in the same words.
async function check({ blobId, blob, deletable }) {
  exchanges = [];
  walrus.reset();
  assert.deepEqual(Buffer.from(await walrus.readBlob({ blobId })), Buffer.from(blob));
  const told = await walrus.getVerifiedBlobStatus({ blobId });
  assert.equal(told.type, deletable ? "deletable" : "permanent");
  const read = (pattern) => exchanges.some((one) => one.status === 200 && pattern.test(one.path));
  assert.ok(read(/\/metadata$/) && read(/\/slivers\/\d+\/(primary|secondary)$/));
  const answers = [];
  for (const url of urls) {
    const status = await fetch(`${url}/v1/blobs/${blobId}/status`);
    answers.push(await status.text());
    const metadata = await fetch(`${url}/v1/blobs/${blobId}/metadata/status`);
    assert.equal((await metadata.json()).success.data, "stored");
  }
  assert.equal(new Set(answers).size, 1, answers.join("\n"));
}

await preflights();
await unregistered();
const stored = [await store(1, 1, false), await store(40_000, 2, true)];
for (const one of stored) await check(one);

console.log(JSON.stringify({ next: "epoch" }));
await lines.next();
walrus.reset();
for (const one of stored) await check(one);
stored.push(await store(3_000, 3, false));
await check(stored.at(-1));

console.log(JSON.stringify({ stored: stored.map((one) => one.blobId) }));
process.stdin.destroy();
