// Verifies the `v1a` signature of a webhook (Ed25519) with nothing but Node. The keys are the endpoint's `public_keys`
// (`whpk_…`), or those that https://your.rollcall/.well-known/webhook-keys.json has now.

import { createPublicKey, verify as verifies } from "node:crypto";

const TOLERANCE_SECONDS = 5 * 60;

/** A key from `whpk_…` or from a JSON Web Key. */
function publicKey(key) {
  const jwk = typeof key === "string" ? { kty: "OKP", crv: "Ed25519", x: toBase64url(key.replace(/^whpk_/, "")) } : key;
  return createPublicKey({ key: jwk, format: "jwk" });
}

function toBase64url(base64) {
  return Buffer.from(base64, "base64").toString("base64url");
}

/** The event, if one of the keys signed these bytes lately; else it throws. `body` is the raw body as a string. */
export function verify(body, headers, keys, now = Date.now() / 1000) {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => headers[name]);
  if (!id || !timestamp || !signatures) throw new Error("a header is missing");
  if (!(Math.abs(now - Number(timestamp)) <= TOLERANCE_SECONDS)) throw new Error("the timestamp is too old or too new");
  const signed = Buffer.from(`${id}.${timestamp}.${body}`);
  const trusted = keys.map(publicKey);
  for (const entry of signatures.split(" ")) {
    if (!entry.startsWith("v1a,")) continue;
    const signature = Buffer.from(entry.slice("v1a,".length), "base64");
    if (trusted.some((key) => verifies(null, signed, key, signature))) return JSON.parse(body);
  }
  throw new Error("no signature matches");
}
