// What a command that lasts does when the member that it spoke to is lost: it says so, and asks the next one after a
// pause that grows.

import { setTimeout as sleep } from "node:timers/promises";
import type { GrpcClient } from "./grpc-client.ts";

export async function goOnElsewhere(
  client: GrpcClient,
  error: Error,
  pause: { readonly failures: number; readonly msMax: number; readonly signal?: AbortSignal },
): Promise<void> {
  process.stderr.write(`althing: ${error.message}; going on at another member\n`);
  client.moveOn();
  const { signal } = pause;
  const ms = Math.min(pause.msMax, 100 * 2 ** pause.failures);
  // Whoever was interrupted meanwhile finds out by the signal itself.
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
}
