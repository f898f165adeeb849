// Uses a gateway as scripts and pages in the field do, with nothing but fetch; and compares with the unmodified @mysten/walrus.
//
//   node gateway.mjs READY_JSON GATEWAY_URL
//
// READY_JSON is the ready line of `walrus-localnet up --json`. Prints one JSON object.
import assert from "node:assert/strict";
import { SuiGrpcClient } from "@mysten/sui/grpc";
import { Ed25519Keypair } from "@mysten/sui/keypairs/ed25519";
import { WalrusClient } from "@mysten/walrus";

const ready = JSON.parse(process.argv[2]);
const url = process.argv[3];
const suiClient = new SuiGrpcClient({ network: "localnet", baseUrl: ready.rpc });
// Not the account that fills the gateway's wallets: two programs that spend the same coins get into each other's way.
const signer = Ed25519Keypair.fromSecretKey(ready.accounts[1].secret);
const walrus = new WalrusClient({
  suiClient,
  packageConfig: { systemObjectId: ready.system_object, stakingPoolId: ready.staking_object },
  storageNodeUrlScheme: "http",
});
const content = (size, seed) => Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed) % 251);

// Store as the documentation of the network shows it, and read what was stored with both.
const data = content(40_000, 1);
const put = await fetch(`${url}/v1/blobs?epochs=2&send_object_to=${signer.toSuiAddress()}`, {
  method: "PUT",
  body: new Blob([data], { type: "image/png" }),
});
assert.equal(put.status, 200);
const { newlyCreated } = await put.json();
const { blobId, id: objectId } = newlyCreated.blobObject;
assert.deepEqual(Buffer.from(await walrus.readBlob({ blobId })), Buffer.from(data));
assert.equal((await walrus.readBlobAttributes({ blobObjectId: objectId }))["content-type"], "image/png");
const got = await fetch(`${url}/v1/blobs/by-object-id/${objectId}`);
assert.equal(got.headers.get("content-type"), "image/png");
assert.deepEqual(Buffer.from(await got.arrayBuffer()), Buffer.from(data));

// What the client stored, the gateway serves: a blob, and files of a quilt.
const other = content(3_000, 2);
const written = await walrus.writeBlob({ blob: other, deletable: true, epochs: 2, signer });
const read = await fetch(`${url}/v1/blobs/${written.blobId}`, { headers: { Range: "bytes=1000-" } });
assert.equal(read.status, 206);
assert.deepEqual(Buffer.from(await read.arrayBuffer()), Buffer.from(other.subarray(1000)));

// A quilt as form data, read back as files. They are long enough for each header to be in one column: this version of the client
// reads tags wrongly that go on in the next.
const text = "first".repeat(5_000);
const form = new FormData();
form.append("a.txt", new Blob([text]));
form.append("b.txt", new Blob(["second"]));
form.append("_metadata", JSON.stringify([{ identifier: "a.txt", tags: { "content-type": "text/plain" } }]));
const stored = await (await fetch(`${url}/v1/quilts?epochs=2`, { method: "PUT", body: form })).json();
const patches = Object.fromEntries(stored.storedQuiltBlobs.map((patch) => [patch.identifier, patch.quiltPatchId]));
const [first, second] = await walrus.getFiles({ ids: [patches["a.txt"], patches["b.txt"]] });
assert.equal(await first.text(), text);
assert.equal((await first.getTags())["content-type"], "text/plain");
assert.equal(await second.text(), "second");
const patch = await fetch(`${url}/v1/blobs/by-quilt-patch-id/${patches["a.txt"]}`);
assert.equal(patch.headers.get("content-type"), "text/plain");
assert.equal(await patch.text(), text);

// Failures are told in the envelope that clients match on.
const missing = await fetch(`${url}/v1/blobs/${"A".repeat(43)}`);
assert.equal((await missing.json()).error.details[0].reason, "BLOB_NOT_FOUND");

console.log(JSON.stringify({ blobId, quiltId: stored.blobStoreResult.newlyCreated.blobObject.blobId }));
