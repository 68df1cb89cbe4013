// LMDB is the one native part. It is loaded when a disk engine is opened, so that where it is not there (another
// platform, a C library without a prebuilt one) everything else works, with the memory engine.

import { createRequire } from "node:module";

let loaded: typeof import("lmdb") | undefined;

export function lmdb(): typeof import("lmdb") {
  loaded ??= createRequire(import.meta.url)("lmdb") as typeof import("lmdb");
  return loaded;
}

/** Undefined: it is there. */
export function whyNoDiskEngine(): string | undefined {
  try {
    lmdb();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split("\n")[0] : String(error);
  }
}
