// What a page in a browser does; `browser.mjs` opens it and calls these.
import { EncryptedObject, SealClient, SessionKey } from "@mysten/seal";
import { Transaction } from "@mysten/sui/transactions";
import { fromHex, toHex } from "@mysten/sui/utils";
import { account, check, same, tour, walrusClient } from "./tour.mjs";

const wasmUrl = new URL("/walrus.wasm", location.href).href;

/** Stores and reads with @mysten/walrus, through a relay if there is one. */
async function store(ready, seed, relay) {
  const uploadRelay = relay ? { host: relay, sendTip: null } : undefined;
  return tour(ready, seed, { wasmUrl, uploadRelay });
}

/** Encrypts, stores, reads and decrypts. */
async function privateData(ready) {
  const { seal, policies } = ready.packages;
  check(seal, "the network has key servers");
  const { suiClient, walrus } = walrusClient(ready, { wasmUrl });
  const signer = account(ready, 0);
  const execute = async (build) => {
    const transaction = new Transaction();
    build(transaction);
    const result = await suiClient.signAndExecuteTransaction({
      transaction,
      signer,
      include: { effects: true, objectTypes: true },
    });
    const executed = result.Transaction ?? result.FailedTransaction;
    check(executed.status.success, JSON.stringify(executed.status));
    await suiClient.waitForTransaction({ digest: executed.digest });
    const { changedObjects } = executed.effects;
    const named = (name) => (object) => executed.objectTypes[object.objectId]?.endsWith(`::${name}`);
    return (name) => changedObjects.find(named(name)).objectId;
  };
  const created = await execute((tx) => {
    const cap = tx.moveCall({ target: `${policies}::allowlist::create` });
    tx.transferObjects([cap], signer.toSuiAddress());
  });
  const list = created("Allowlist");
  const cap = created("AllowlistCap");
  await execute((tx) =>
    tx.moveCall({
      target: `${policies}::allowlist::grant`,
      arguments: [tx.object(list), tx.object(cap), tx.pure.address(signer.toSuiAddress())],
    }),
  );

  const serverConfigs = ready.key_servers.map((server) => ({ objectId: server.id, weight: 1 }));
  const sealClient = new SealClient({ suiClient, serverConfigs, verifyKeyServers: true });
  const data = new TextEncoder().encode("only for those on the list");
  const id = list.slice(2) + toHex(crypto.getRandomValues(new Uint8Array(16)));
  const { encryptedObject } = await sealClient.encrypt({ threshold: 2, packageId: policies, id, data });
  const { blobId } = await walrus.writeBlob({ blob: encryptedObject, deletable: true, epochs: 1, signer });

  const read = await walrus.readBlob({ blobId });
  check(!new TextDecoder().decode(read).includes("on the list"), "what is stored is encrypted");
  const tx = new Transaction();
  tx.moveCall({
    target: `${policies}::allowlist::seal_approve`,
    arguments: [tx.pure.vector("u8", fromHex(EncryptedObject.parse(read).id)), tx.object(list)],
  });
  const address = signer.toSuiAddress();
  const sessionKey = await SessionKey.create({ address, packageId: policies, ttlMin: 10, signer, suiClient });
  const txBytes = await tx.build({ client: suiClient, onlyTransactionKind: true });
  const plain = await sealClient.decrypt({ data: read, sessionKey, txBytes });
  check(same(plain, data), "who is on the list reads it");
  return { blobId };
}

const once = (target, event) =>
  new Promise((resolve, reject) => {
    target.addEventListener(event, resolve, { once: true });
    target.addEventListener("error", () => reject(new Error(`${event} never came: ${target.error?.message}`)), {
      once: true,
    });
  });

/** Plays a sound from its middle. */
async function seek(url, seconds) {
  const sound = document.createElement("audio");
  sound.preload = "metadata";
  document.body.append(sound);
  const loaded = once(sound, "loadedmetadata");
  sound.src = url;
  await loaded;
  check(Math.abs(sound.duration - seconds) < 1, `it takes ${seconds} s, not ${sound.duration}`);
  const seeked = once(sound, "seeked");
  sound.currentTime = seconds - 2;
  await seeked;
  check(sound.currentTime >= seconds - 3, "it is where it was sent");
  check(sound.seekable.length === 1 && sound.seekable.end(0) > seconds - 1, "all of it can be reached");
  return { duration: sound.duration };
}

/** Shows many images; each is one pixel wider than the one before. */
async function images(urls) {
  const shown = urls.map(async (url, index) => {
    const image = new Image();
    const loaded = once(image, "load");
    image.src = url;
    document.body.append(image);
    await loaded;
    check(image.naturalWidth === index + 1, `image ${index} is the right one`);
  });
  await Promise.all(shown);
  return { shown: urls.length };
}

/** Reads from a gateway with fetch, as pages of other origins do. */
async function fetches(url, blobId, size) {
  const whole = await fetch(`${url}/v1/blobs/${blobId}`);
  check(whole.ok && (await whole.arrayBuffer()).byteLength === size, "a blob of another origin");
  const etag = whole.headers.get("etag");
  check(etag?.includes(blobId), "headers can be read");
  const part = await fetch(`${url}/v1/blobs/${blobId}`, { headers: { Range: "bytes=10-19" }, cache: "no-store" });
  check(part.status === 206 && (await part.arrayBuffer()).byteLength === 10, "a part");
  check(part.headers.get("content-range") === `bytes 10-19/${size}`, "which part it is");
  const missing = await fetch(`${url}/v1/blobs/${"A".repeat(43)}`);
  const { error } = await missing.json();
  check(error.details[0].reason === "BLOB_NOT_FOUND", "failures can be read");
  const stored = await fetch(`${url}/v1/blobs?epochs=1`, { method: "PUT", body: new Blob(["from a page"]) });
  check(stored.ok && (await stored.json()).newlyCreated, "pages can store");
  return { etag };
}

window.scenes = { store, privateData, seek, images, fetches };
