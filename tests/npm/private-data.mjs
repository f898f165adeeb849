// Encrypts and decrypts with the unmodified @mysten/seal against the key servers of a local network.
//
//   node private-data.mjs READY_JSON FOLDER
//
// READY_JSON is the ready line of `walrus-localnet up --with seal --json`. FOLDER holds what our own command has encrypted
// for the policy in `policy.json`; what is encrypted here for the same policy is written into it. Without FOLDER, the policy
// is made here. Prints one JSON object.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { DemType, EncryptedObject, NoAccessError, SealClient, SessionKey } from "@mysten/seal";
import { SuiGrpcClient } from "@mysten/sui/grpc";
import { Ed25519Keypair } from "@mysten/sui/keypairs/ed25519";
import { Transaction } from "@mysten/sui/transactions";
import { fromHex, toHex } from "@mysten/sui/utils";

const ready = JSON.parse(process.argv[2]);
const folder = process.argv[3];
const { seal, policies } = ready.packages;
const suiClient = new SuiGrpcClient({ network: "localnet", baseUrl: ready.rpc });
const [owner, reader, stranger] = ready.accounts
  .slice(0, 3)
  .map((account) => Ed25519Keypair.fromSecretKey(account.secret));
const servers = ready.key_servers.map((server) => server.id);
const TIMEOUT_MS = 60_000;

async function execute(signer, build) {
  const transaction = new Transaction();
  build(transaction);
  const result = await suiClient.signAndExecuteTransaction({
    transaction,
    signer,
    include: { effects: true, objectTypes: true },
  });
  const executed = result.Transaction ?? result.FailedTransaction;
  assert.equal(executed.status.success, true, JSON.stringify(executed.status));
  await suiClient.waitForTransaction({ digest: executed.digest });
  const created = executed.effects.changedObjects.filter((object) => object.idOperation === "Created");
  return created.map((object) => ({ id: object.objectId, type: executed.objectTypes[object.objectId] }));
}

const created = (objects, name) => {
  const found = objects.find((object) => object.type.endsWith(`::${name}`));
  assert.ok(found, `no ${name} among ${JSON.stringify(objects)}`);
  return found.id;
};

/** Registers a key server with this public key and URL. */
async function register(publicKey, url) {
  const objects = await execute(owner, (tx) =>
    tx.moveCall({
      target: `${seal}::key_server::create_and_transfer_v2_independent_server`,
      arguments: [
        tx.pure.string("test"),
        tx.pure.string(url),
        tx.pure.u8(0),
        tx.pure.vector("u8", publicKey),
      ],
    }),
  );
  return created(objects, "KeyServer");
}

/** A list with `reader` on it. */
async function allowlist() {
  const objects = await execute(owner, (tx) => {
    const cap = tx.moveCall({ target: `${policies}::allowlist::create` });
    tx.transferObjects([cap], owner.toSuiAddress());
  });
  return { list: created(objects, "Allowlist"), cap: created(objects, "AllowlistCap") };
}

async function change(policy, name, account) {
  await execute(owner, (tx) =>
    tx.moveCall({
      target: `${policies}::allowlist::${name}`,
      arguments: [tx.object(policy.list), tx.object(policy.cap), tx.pure.address(account)],
    }),
  );
}

const client = (serverConfigs, options = {}) =>
  new SealClient({ suiClient, serverConfigs, verifyKeyServers: true, timeout: TIMEOUT_MS, ...options });

const session = (signer, ttlMin = 10) =>
  SessionKey.create({
    address: signer.toSuiAddress(),
    packageId: policies,
    ttlMin,
    signer,
    suiClient,
  });

const approval = async (policy, id) => {
  const tx = new Transaction();
  tx.moveCall({
    target: `${policies}::allowlist::seal_approve`,
    arguments: [tx.pure.vector("u8", fromHex(id)), tx.object(policy.list)],
  });
  return tx.build({ client: suiClient, onlyTransactionKind: true });
};

const decrypt = async (sealClient, policy, signer, data, options = {}) => {
  const { id } = EncryptedObject.parse(data);
  return sealClient.decrypt({
    data,
    sessionKey: await session(signer),
    txBytes: await approval(policy, id),
    checkShareConsistency: true,
    ...options,
  });
};

const bytes = (length) => Uint8Array.from({ length }, (_, index) => (index * 31 + 7) % 251);
const inner = (policy) => policy.list.slice(2) + toHex(crypto.getRandomValues(new Uint8Array(16)));
const checked = [];

const one = (objectId) => ({ objectId, weight: 1 });
const usual = client(servers.map(one));
const given = folder && JSON.parse(fs.readFileSync(path.join(folder, "policy.json"), "utf8"));
const policy = given ?? (await allowlist());
if (!given) await change(policy, "grant", reader.toSuiAddress());

// Sizes, both modes, with and without additional data.
for (const [demType, size, aad] of [
  [DemType.AesGcm256, 0, undefined],
  [DemType.AesGcm256, 10 << 20, bytes(20)],
  [DemType.Hmac256Ctr, 0, bytes(3)],
  [DemType.Hmac256Ctr, 5000, undefined],
]) {
  const { encryptedObject } = await usual.encrypt({
    threshold: 2,
    packageId: policies,
    id: inner(policy),
    data: bytes(size),
    aad,
    demType,
  });
  const plaintext = await decrypt(usual, policy, reader, encryptedObject);
  assert.deepEqual(Buffer.from(plaintext), Buffer.from(bytes(size)));
  if (folder) fs.writeFileSync(path.join(folder, `theirs-${checked.length}.seal`), encryptedObject);
  checked.push(`mode ${demType}, ${size} bytes`);
}

// Weights: the first server alone is enough.
const weighted = client([{ objectId: servers[0], weight: 2 }, one(servers[1])]);
const sample = { threshold: 2, packageId: policies, data: bytes(100) };
{
  const { encryptedObject } = await weighted.encrypt({ ...sample, id: inner(policy) });
  assert.equal(EncryptedObject.parse(encryptedObject).services.length, 3);
  assert.deepEqual(await decrypt(weighted, policy, reader, encryptedObject), bytes(100));
  checked.push("weights");
}

// Who is not on the list is denied; who is taken off it, too, for a new identity.
{
  const { encryptedObject } = await usual.encrypt({ ...sample, id: inner(policy) });
  const fresh = client(servers.map(one));
  await assert.rejects(decrypt(fresh, policy, stranger, encryptedObject), NoAccessError);
  if (!given) {
    await change(policy, "revoke", reader.toSuiAddress());
    await assert.rejects(
      decrypt(client(servers.map(one)), policy, reader, encryptedObject),
      NoAccessError,
    );
    await change(policy, "grant", reader.toSuiAddress());
  }
  assert.deepEqual(await decrypt(fresh, policy, reader, encryptedObject), bytes(100));
  checked.push("denial");
}

// A certificate that was signed for another time is refused.
{
  const { encryptedObject } = await usual.encrypt({ ...sample, id: inner(policy) });
  const exported = (await session(reader, 30)).export();
  const { id } = EncryptedObject.parse(encryptedObject);
  const certificate = {
    ...exported,
    creationTimeMs: exported.creationTimeMs + 600_000,
    personalMessageSignature: undefined,
  };
  const future = SessionKey.import(certificate, suiClient, reader);
  await assert.rejects(
    client(servers.map(one)).decrypt({
      data: encryptedObject,
      sessionKey: future,
      txBytes: await approval(policy, id),
    }),
    (error) => error.constructor.name === "ExpiredSessionKeyError",
  );
  checked.push("certificate of another time");
}

// One server gives keys of another, one never answers: the two others are enough.
{
  const second = (await usual.getKeyServers()).get(servers[1]);
  const wrong = await register(second.pk, ready.key_servers[0].url);
  const silent = http.createServer(() => {});
  await new Promise((done) => silent.listen(0, "127.0.0.1", done));
  const hanging = await register(second.pk, `http://127.0.0.1:${silent.address().port}`);
  for (const [name, bad] of [
    ["a server with a wrong key", wrong],
    ["a server that hangs", hanging],
  ]) {
    const mixed = client([one(bad), one(servers[1]), one(servers[2])], { verifyKeyServers: false });
    const { encryptedObject } = await mixed.encrypt({ ...sample, id: inner(policy) });
    assert.deepEqual(await decrypt(mixed, policy, reader, encryptedObject), bytes(100));
    checked.push(name);
  }
  const liar = client([one(wrong), one(servers[1])]);
  await assert.rejects(
    liar.encrypt({ ...sample, id: inner(policy) }),
    (error) => error.constructor.name === "InvalidKeyServerObjectIdError",
  );
  checked.push("a proof of possession that is none");
  silent.closeAllConnections();
  silent.close();
}

// What our own command has encrypted.
const ours = folder ? fs.readdirSync(folder).filter((name) => name.startsWith("ours-")) : [];
for (const name of ours) {
  const data = fs.readFileSync(path.join(folder, name));
  const plaintext = await decrypt(usual, policy, reader, new Uint8Array(data));
  const expected = fs.readFileSync(path.join(folder, name.replace("ours-", "plain-").replace(".seal", "")));
  assert.deepEqual(Buffer.from(plaintext), expected);
  checked.push(name);
}

console.log(JSON.stringify({ checked, policy }));
