// The key of a data directory, made with it (Ed25519). The public half is what the member publishes as the
// identity of its disk; the private half stays in identity.json and in this file's closures.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from "node:crypto";
import type { DiskKey } from "../peers/index.ts";

/** As it stands in identity.json. */
export interface StoredDiskKey {
  readonly incarnation: string;
  readonly privateKey: string;
  readonly formerIncarnation?: string;
}

/** `formerIncarnation`: of a directory from before there were keys. */
export function makeDiskKey(formerIncarnation?: string): StoredDiskKey {
  const { x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return {
    incarnation: x!,
    privateKey: d!,
    ...(formerIncarnation === undefined ? {} : { formerIncarnation }),
  };
}

/** Undefined: the two halves are no pair. */
export function openDiskKey(stored: StoredDiskKey): DiskKey | undefined {
  const { incarnation, privateKey, formerIncarnation } = stored;
  let key: KeyObject;
  let identity: JsonWebKey;
  try {
    const jwk = { kty: "OKP", crv: "Ed25519", x: incarnation, d: privateKey };
    key = createPrivateKey({ key: jwk, format: "jwk" });
    identity = createPublicKey(key).export({ format: "jwk" });
  } catch {
    return undefined;
  }
  if (identity.x !== incarnation) return undefined;
  return {
    identity: incarnation,
    formerIdentity: formerIncarnation,
    sign: (statement) => sign(null, Buffer.from(statement), key).toString("base64url"),
  };
}
