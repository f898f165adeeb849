// The layouts and the transaction builders of the unmodified @mysten/walrus against our contracts.
//
//   node contracts.mjs NETWORK_JSON
//
// NETWORK_JSON names rpc, secret, system_object, staking_object and nodes. There are no storage nodes: whoever starts
// this script holds their keys. Every line on stdout is a question, and the answer is a line on stdin:
//
//   {"parsed": {...}}                 what was read; the answer is {} if it is right
//   {"confirm": {blobId, objectId}}   what each member of the committee signs, or null
//   {"check": {...}}                  what a transaction should have done; the answer is {} if it has
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { bcs } from "@mysten/sui/bcs";
import { SuiGrpcClient } from "@mysten/sui/grpc";
import { Ed25519Keypair } from "@mysten/sui/keypairs/ed25519";
import { WalrusClient } from "@mysten/walrus";

// The classes with which the client reads objects; the package does not export them by name.
const layouts = (module) => import(`./node_modules/@mysten/walrus/dist/contracts/walrus/${module}.mjs`);
const { System } = await layouts("system");
const { SystemStateInnerV1 } = await layouts("system_state_inner");
const { Staking } = await layouts("staking");
const { StakingInnerV1 } = await layouts("staking_inner");
const { StakingPool } = await layouts("staking_pool");
const { Blob } = await layouts("blob");
const { Storage } = await layouts("storage_resource");
const { Metadata } = await layouts("metadata");

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const ask = async (question) => {
  console.log(JSON.stringify(question));
  return JSON.parse((await answers.next()).value);
};

const network = JSON.parse(process.argv[2]);
const suiClient = new SuiGrpcClient({ network: "localnet", baseUrl: network.rpc });
const signer = Ed25519Keypair.fromSecretKey(network.secret);
const walrus = new WalrusClient({
  suiClient,
  packageConfig: { systemObjectId: network.system_object, stakingPoolId: network.staking_object },
});

// Parses bytes as the layout, and checks that nothing is lost: encoding gives the same bytes.
const parse = (layout, bytes) => {
  const value = layout.parse(bytes);
  assert.deepEqual(Buffer.from(layout.serialize(value).toBytes()), Buffer.from(bytes));
  return value;
};
const readObject = async (layout, objectId) => {
  const { object } = await suiClient.core.getObject({ objectId, include: { content: true } });
  return parse(layout, await object.content);
};
const readField = async (layout, parentId, type, name) => {
  const { dynamicField } = await suiClient.core.getDynamicField({
    parentId,
    name: { type, bcs: name.toBytes() },
  });
  return parse(layout, dynamicField.value.bcs);
};

// Objects, as our chain returns them.
const system = await readObject(System, network.system_object);
const systemState = await readField(
  SystemStateInnerV1,
  network.system_object,
  "u64",
  bcs.u64().serialize(system.version),
);
const staking = await readObject(Staking, network.staking_object);
const stakingState = await readField(
  StakingInnerV1,
  network.staking_object,
  "u64",
  bcs.u64().serialize(staking.version),
);
const pools = [];
for (const node of network.nodes) pools.push(await readObject(StakingPool, node));
assert.deepEqual(await walrus.systemState(), systemState);
assert.deepEqual(await walrus.stakingState(), stakingState);
await ask({ parsed: { system, systemState, staking, stakingState, pools } });

// Storage without a blob.
const owner = signer.toSuiAddress();
const run = async (transaction) => {
  const result = await signer.signAndExecuteTransaction({ transaction, client: suiClient });
  assert.equal(result.$kind, "Transaction", JSON.stringify(result));
  await suiClient.core.waitForTransaction({ result });
  return result.Transaction;
};
const created = async (transaction, type) => {
  const ids = transaction.effects.changedObjects
    .filter((change) => change.idOperation === "Created")
    .map((change) => change.objectId);
  const { objects } = await suiClient.core.getObjects({ objectIds: ids, include: { content: true } });
  const found = objects.filter((object) => object.type.endsWith(type));
  assert.equal(found.length, 1, type);
  return found[0];
};
const size = 100_000;
const reserved = await run(walrus.createStorageTransaction({ size, epochs: 3, owner }));
const storage = parse(
  Storage,
  await (await created(reserved, "::storage_resource::Storage")).content,
);
assert.equal(storage.end_epoch - storage.start_epoch, 3);
const { storageCost, writeCost, totalCost } = await walrus.storageCost(size, 3);
assert.equal(storageCost + writeCost, totalCost);
await ask({ check: { reserved: storage, storageCost: Number(storageCost) } });

// The life of a permanent and of a deletable blob.
for (const deletable of [false, true]) {
  const data = Uint8Array.from({ length: 3000 }, (_, index) => (index * 31 + Number(deletable)) % 251);
  const { blobId, rootHash } = await walrus.encodeBlob(data);
  const registered = await walrus.executeRegisterBlobTransaction({
    size: data.length,
    epochs: 2,
    blobId,
    rootHash,
    deletable,
    signer,
    attributes: { "content-type": "text/plain", color: "blue" },
  });
  const blobObjectId = registered.blob.id;
  const before = await readObject(Blob, blobObjectId);
  assert.deepEqual(before, registered.blob);
  assert.equal(before.certified_epoch, null);

  const confirmations = await ask({ confirm: { blobId, objectId: deletable ? blobObjectId : null } });
  await walrus.executeCertifyBlobTransaction({
    blobId,
    blobObjectId,
    deletable,
    confirmations,
    signer,
  });
  const certified = await readObject(Blob, blobObjectId);
  assert.notEqual(certified.certified_epoch, null);

  await walrus.executeExtendBlobTransaction({ blobObjectId, epochs: 3, signer });
  const extended = await readObject(Blob, blobObjectId);
  assert.equal(extended.storage.end_epoch, certified.storage.end_epoch + 3);
  // The client computes from what it has read before.
  walrus.reset();
  const endEpoch = extended.storage.end_epoch + 1;
  await walrus.executeExtendBlobTransaction({ blobObjectId, endEpoch, signer });
  assert.equal((await readObject(Blob, blobObjectId)).storage.end_epoch, endEpoch);

  await walrus.executeWriteBlobAttributesTransaction({
    blobObjectId,
    signer,
    attributes: { "content-type": "text/html", color: null, size: "large" },
  });
  const attributes = await walrus.readBlobAttributes({ blobObjectId });
  assert.deepEqual(attributes, { "content-type": "text/html", size: "large" });
  const name = bcs.vector(bcs.u8()).serialize([...Buffer.from("metadata")]);
  await readField(Metadata, blobObjectId, "vector<u8>", name);
  walrus.reset();
  await ask({ check: { blob: await walrus.getBlobObject(blobObjectId), attributes, deletable } });

  if (deletable) {
    await walrus.executeDeleteBlobTransaction({ blobObjectId, signer });
    walrus.reset();
    await assert.rejects(walrus.getBlobObject(blobObjectId));
    await ask({ check: { deleted: blobObjectId } });
  } else {
    await assert.rejects(walrus.executeDeleteBlobTransaction({ blobObjectId, signer }));
  }
}
answers.return?.();
process.stdin.destroy();
