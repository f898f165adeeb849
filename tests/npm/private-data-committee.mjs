// Encrypts and decrypts with the unmodified @mysten/seal through the aggregator of a committee of key servers.
//
//   node private-data-committee.mjs READY_JSON FILE OUT
//
// READY_JSON is the ready line of `walrus-localnet up --with seal-committee --json`. FILE was encrypted by our own command
// for the first account; OUT is written for the same account. Prints one JSON object.
import assert from "node:assert/strict";
import fs from "node:fs";
import { EncryptedObject, NoAccessError, SealClient, SessionKey } from "@mysten/seal";
import { SuiGrpcClient } from "@mysten/sui/grpc";
import { Ed25519Keypair } from "@mysten/sui/keypairs/ed25519";
import { Transaction } from "@mysten/sui/transactions";
import { fromHex, toHex } from "@mysten/sui/utils";

const [ready, file, out] = [JSON.parse(process.argv[2]), process.argv[3], process.argv[4]];
const { policies } = ready.packages;
const suiClient = new SuiGrpcClient({ network: "localnet", baseUrl: ready.rpc });
const [owner, stranger] = ready.accounts
  .slice(0, 2)
  .map((account) => Ed25519Keypair.fromSecretKey(account.secret));
const aggregator = ready.key_servers.find((server) => server.name === "committee-aggregator-0");
const TIMEOUT_MS = 60_000;

const client = () =>
  new SealClient({
    suiClient,
    serverConfigs: [{ objectId: aggregator.id, weight: 1, aggregatorUrl: aggregator.url }],
    verifyKeyServers: true,
    timeout: TIMEOUT_MS,
  });

const decrypt = async (signer, data) => {
  const { id } = EncryptedObject.parse(data);
  const tx = new Transaction();
  tx.moveCall({
    target: `${policies}::account::seal_approve`,
    arguments: [tx.pure.vector("u8", fromHex(id))],
  });
  const sessionKey = await SessionKey.create({
    address: signer.toSuiAddress(),
    packageId: policies,
    ttlMin: 10,
    signer,
    suiClient,
  });
  const txBytes = await tx.build({ client: suiClient, onlyTransactionKind: true });
  return client().decrypt({ data, sessionKey, txBytes, checkShareConsistency: true });
};

const expected = Buffer.from("for me");
const ours = new Uint8Array(fs.readFileSync(file));
assert.deepEqual(Buffer.from(await decrypt(owner, ours)), expected);
await assert.rejects(decrypt(stranger, ours), NoAccessError);

const nonce = toHex(crypto.getRandomValues(new Uint8Array(16)));
const { encryptedObject } = await client().encrypt({
  threshold: 1,
  packageId: policies,
  id: owner.toSuiAddress().slice(2) + nonce,
  data: new Uint8Array(expected),
});
assert.deepEqual(Buffer.from(await decrypt(owner, encryptedObject)), expected);
fs.writeFileSync(out, encryptedObject);
console.log(JSON.stringify({ checked: 3 }));
