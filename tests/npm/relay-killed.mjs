// Stores through an upload relay that dies meanwhile, with the unmodified @mysten/walrus.
//
//   node relay-killed.mjs {"ready": READY, "relay": RELAY_URL, "size": BYTES, "tipMax": MIST}
//
// READY is the ready line of `walrus-localnet up --json`. Prints {"step": …} after each step; when the relay has died,
// {"failed": …}, and waits for a line that says that it is back. The last object is {"blobId": …, "objectId": …}.
import assert from "node:assert/strict";
import { createInterface } from "node:readline/promises";
import { account, check, same, walrusClient } from "./tour.mjs";

const { ready, relay, size, tipMax } = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const signer = account(ready, 0);
const blob = Uint8Array.from({ length: size }, (_, index) => (index * 31 + 7) % 251);
// Each has its own memory, as pages that are loaded anew.
const client = () => walrusClient(ready, { uploadRelay: { host: relay, sendTip: { max: tipMax } } }).walrus;
const say = (value) => console.log(JSON.stringify(value));

let saved;
const onStep = (step) => {
  saved = step;
  say({ step: step.step });
};
const how = { blob, signer, deletable: true, epochs: 2, onStep };
await assert.rejects(client().writeBlob(how), (error) => {
  say({ failed: String(error) });
  return true;
});
assert.equal(saved.step, "registered");
await lines.next();

// What is saved after each step is enough to go on: nothing is registered or paid again.
const { blobObjectId: objectId } = saved;
const walrus = client();
const { blobId, blobObject } = await walrus.writeBlob({ ...how, resume: saved });
assert.equal(blobObject.id, objectId);
// This client remembers the object as it was before.
check((await client().getBlobObject(objectId)).certified_epoch !== null, "the blob is certified");
check(same(await walrus.readBlob({ blobId }), blob), "the blob comes back as it was");
say({ blobId, objectId });
process.exit();
