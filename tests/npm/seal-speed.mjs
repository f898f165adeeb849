// How many objects the unmodified @mysten/seal encrypts and decrypts in a second.
//
//   node seal-speed.mjs READY_JSON ROUNDS
//
// Content is small, so that the time is that of identity-based encryption; keys are fetched once and kept. Prints one JSON
// object.
import assert from "node:assert/strict";
import { EncryptedObject, SealClient, SessionKey } from "@mysten/seal";
import { SuiGrpcClient } from "@mysten/sui/grpc";
import { Ed25519Keypair } from "@mysten/sui/keypairs/ed25519";
import { Transaction } from "@mysten/sui/transactions";
import { fromHex } from "@mysten/sui/utils";

const [ready, rounds] = [JSON.parse(process.argv[2]), Number(process.argv[3])];
const packageId = ready.packages.policies;
const suiClient = new SuiGrpcClient({ network: "localnet", baseUrl: ready.rpc });
const signer = Ed25519Keypair.fromSecretKey(ready.accounts[0].secret);
const client = new SealClient({
  suiClient,
  serverConfigs: ready.key_servers.map((server) => ({ objectId: server.id, weight: 1 })),
  verifyKeyServers: false,
});
const id = signer.toSuiAddress().slice(2) + "00".repeat(16);
const content = new Uint8Array(1024);

const encrypt = async () =>
  (await client.encrypt({ threshold: 2, packageId, id, data: content })).encryptedObject;
const sessionKey = await SessionKey.create({
  address: signer.toSuiAddress(),
  packageId,
  ttlMin: 10,
  signer,
  suiClient,
});
const tx = new Transaction();
tx.moveCall({
  target: `${packageId}::account::seal_approve`,
  arguments: [tx.pure.vector("u8", fromHex(id))],
});
const txBytes = await tx.build({ client: suiClient, onlyTransactionKind: true });
const decrypt = (data) => client.decrypt({ data, sessionKey, txBytes, checkShareConsistency: true });

const perSecond = async (work) => {
  await work();
  const started = performance.now();
  for (let round = 0; round < rounds; round += 1) await work();
  return (rounds * 1000) / (performance.now() - started);
};

const sample = await encrypt();
assert.equal(EncryptedObject.parse(sample).services.length, ready.key_servers.length);
assert.deepEqual(await decrypt(sample), content);
console.log(JSON.stringify({ encrypt: await perSecond(encrypt), decrypt: await perSecond(() => decrypt(sample)) }));
