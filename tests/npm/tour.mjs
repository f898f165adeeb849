// Everything that pages do with the unmodified @mysten/walrus. Runs in Node and in browsers.
import { SuiGrpcClient } from "@mysten/sui/grpc";
import { Ed25519Keypair } from "@mysten/sui/keypairs/ed25519";
import { WalrusClient, WalrusFile } from "@mysten/walrus";

export function check(condition, what) {
  if (!condition) throw new Error(`not so: ${what}`);
}

export function same(left, right) {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

const content = (size, seed) => Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed) % 251);

/** A client of a local network; `options` are added to its own. */
export function walrusClient(ready, options = {}) {
  const suiClient = new SuiGrpcClient({ network: "localnet", baseUrl: ready.rpc });
  const walrus = new WalrusClient({
    suiClient,
    packageConfig: { systemObjectId: ready.system_object, stakingPoolId: ready.staking_object },
    storageNodeUrlScheme: "http",
    ...options,
  });
  return { suiClient, walrus };
}

export const account = (ready, index) => Ed25519Keypair.fromSecretKey(ready.accounts[index].secret);

/** A blob from its first byte to its deletion. */
async function blobs({ suiClient, walrus, signer, seed }) {
  const blob = content(70_000, seed);
  const attributes = { "content-type": "image/png", note: "first" };
  const written = await walrus.writeBlob({ blob, deletable: true, epochs: 2, signer, attributes });
  const { blobId, blobObject } = written;
  check(blobObject.certified_epoch !== null, "the blob is certified");
  check(same(await walrus.readBlob({ blobId }), blob), "a blob comes back as it was");

  const blobObjectId = blobObject.id;
  const read = await walrus.readBlobAttributes({ blobObjectId });
  check(read.note === "first" && read["content-type"] === "image/png", "attributes are set");
  await walrus.executeWriteBlobAttributesTransaction({
    blobObjectId,
    signer,
    attributes: { note: "second", "content-type": null },
  });
  const changed = await walrus.readBlobAttributes({ blobObjectId });
  check(changed.note === "second" && !("content-type" in changed), "attributes change");

  await walrus.executeExtendBlobTransaction({ blobObjectId, epochs: 1, signer });
  const [extended] = await suiClient.getObjects({ objectIds: [blobObjectId] }).then((answer) => answer.objects);
  check(extended.objectId === blobObjectId, "the object is still there");
  const status = await walrus.getVerifiedBlobStatus({ blobId });
  check(status.type === "deletable", "the nodes know that it can be deleted");
  await walrus.executeDeleteBlobTransaction({ blobObjectId, signer });

  const forever = await walrus.writeBlob({ blob: content(1, seed), deletable: false, epochs: 1, signer });
  check((await walrus.getVerifiedBlobStatus({ blobId: forever.blobId })).type === "permanent", "it is permanent");
  return { deleted: blobId, kept: forever.blobId };
}

/** Files of a quilt, stored at once and step by step. */
async function files({ suiClient, walrus, signer, seed }) {
  // They are long enough for each header to be in one column: this version of the client reads tags wrongly that go on in the
  // next.
  const text = `${seed} `.repeat(20_000);
  const make = (name) => [
    WalrusFile.from({ contents: new TextEncoder().encode(text), identifier: `${name}.txt`, tags: { kind: name } }),
    WalrusFile.from({ contents: content(3_000, seed), identifier: `${name}.bin` }),
  ];
  const stored = await walrus.writeFiles({ files: make("one"), deletable: true, epochs: 2, signer });
  const back = {};
  for (const file of await walrus.getFiles({ ids: stored.map((file) => file.id) })) {
    back[await file.getIdentifier()] = file;
  }
  check((await back["one.txt"].text()) === text, "files come back");
  check((await back["one.txt"].getTags()).kind === "one", "files have tags");
  check(same(await back["one.bin"].bytes(), content(3_000, seed)), "bytes of files come back");

  const flow = walrus.writeFilesFlow({ files: make("two") });
  await flow.encode();
  const owner = signer.toSuiAddress();
  const registration = flow.register({ epochs: 2, owner, deletable: true });
  const digest = await send(suiClient, signer, registration);
  await flow.upload({ digest });
  await send(suiClient, signer, flow.certify());
  const listed = await flow.listFiles();
  check(listed.length === 2, "the files are listed");
  const [again] = await walrus.getFiles({ ids: [listed[0].id] });
  check((await again.getIdentifier()).startsWith("two."), "files have names");
  return { quilts: [stored[0].blobId, listed[0].blobId] };
}

async function send(suiClient, signer, transaction) {
  const result = await suiClient.signAndExecuteTransaction({ transaction, signer });
  const executed = result.Transaction ?? result.FailedTransaction;
  check(executed.status.success, JSON.stringify(executed.status));
  await suiClient.waitForTransaction({ digest: executed.digest });
  return executed.digest;
}

/** The whole tour; `options` are those of the client, such as a relay. */
export async function tour(ready, seed, options = {}) {
  const signer = account(ready, 0);
  const client = { ...walrusClient(ready, options), signer, seed };
  return { ...(await blobs(client)), ...(await files(client)) };
}
