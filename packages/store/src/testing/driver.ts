// Drives a store as a member does: commands at consecutive indexes, through the codec.

import { encodeCommand } from "../command/encode.ts";
import type { Command, Result, Store } from "../contract.ts";

export function applyAll(store: Store, commands: readonly Command[]): Result[] {
  return commands.map((command) => applyOne(store, command));
}

export function applyOne(store: Store, command: Command, leaderTimeMs = 0): Result {
  return store.apply(encodeCommand(command), {
    index: store.appliedIndex + 1,
    epoch: 1,
    proposer: "",
    leaderTimeMs,
  });
}

export function snapshotOf(store: Store): Uint8Array[] {
  const reader = store.openSnapshot();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = reader.next();
    if (chunk === undefined) return chunks;
    chunks.push(chunk);
  }
}

export function compactFully(store: { compactStep(): boolean }): void {
  while (store.compactStep());
}
