// Applies entries for ever and prints each durable index: to be killed.

import { encodeCommand } from "../../command/encode.ts";
import { openStore } from "../../store.ts";
import { put } from "../../testing/commands.ts";
import { openDiskEngine } from "../disk-engine.ts";

const store = openStore({ engine: openDiskEngine({ directory: process.argv[2]! }) });
let reported = store.durable().index;

function turn(): void {
  for (let n = 0; n < 50; n++) {
    const index = store.appliedIndex + 1;
    const command =
      index % 10 === 0
        ? ({ kind: "compact", revision: store.revision } as const)
        : put(`key/${index % 1000}`, String(index));
    store.apply(encodeCommand(command), { index, epoch: 1, proposer: "", leaderTimeMs: 0 });
  }
  store.compactStep();
  const durable = store.durable().index;
  if (durable > reported) {
    reported = durable;
    process.stdout.write(`${durable}\n`);
  }
  setTimeout(turn, 1);
}

turn();
