// Stores and reads a blob with the unmodified @mysten/walrus and @mysten/sui clients.
//
//   node store-read.mjs READY_JSON
//
// READY_JSON is the ready line of `walrus-localnet up --json`. Prints one JSON object.
import assert from "node:assert/strict";
import { SuiGrpcClient } from "@mysten/sui/grpc";
import { Ed25519Keypair } from "@mysten/sui/keypairs/ed25519";
import { WalrusClient } from "@mysten/walrus";

const ready = JSON.parse(process.argv[2]);
const suiClient = new SuiGrpcClient({ network: "localnet", baseUrl: ready.rpc });
const signer = Ed25519Keypair.fromSecretKey(ready.accounts[0].secret);
assert.equal(signer.toSuiAddress(), ready.accounts[0].address);

const walrus = new WalrusClient({
  suiClient,
  packageConfig: { systemObjectId: ready.system_object, stakingPoolId: ready.staking_object },
  storageNodeUrlScheme: "http",
});

const written = {};
for (const [deletable, size] of [
  [false, 1],
  [true, 5000],
]) {
  const blob = Uint8Array.from({ length: size }, (_, index) => (index * 31 + 7) % 251);
  const { blobId, blobObject } = await walrus.writeBlob({
    blob,
    deletable,
    epochs: 2,
    signer,
    attributes: { "content-type": "application/octet-stream" },
  });
  assert.equal(blobObject.deletable, deletable);
  assert.notEqual(blobObject.certified_epoch, null);

  walrus.reset?.();
  const back = await walrus.readBlob({ blobId });
  assert.deepEqual(Buffer.from(back), Buffer.from(blob));

  const attributes = await walrus.readBlobAttributes({ blobObjectId: blobObject.id });
  assert.equal(attributes["content-type"], "application/octet-stream");
  const status = await walrus.getVerifiedBlobStatus({ blobId });
  assert.equal(status.type, deletable ? "deletable" : "permanent");
  written[size] = { blobId, objectId: blobObject.id };
}

console.log(JSON.stringify(written));
