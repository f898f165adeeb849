// The tour with the unmodified @mysten/walrus in Node.
//
//   node tour-node.mjs READY_JSON SEED [RELAY_URL [TIP_MAX]]
//
// READY_JSON is the ready line of `walrus-localnet up --json`. With RELAY_URL, blobs go through that upload relay, for a tip
// of at most TIP_MAX MIST. Prints one JSON object.
import { tour } from "./tour.mjs";

const [readyJson, seed, host, tipMax] = process.argv.slice(2);
const sendTip = tipMax === undefined ? null : { max: Number(tipMax) };
const options = host ? { uploadRelay: { host, sendTip } } : {};
console.log(JSON.stringify(await tour(JSON.parse(readyJson), Number(seed), options)));
