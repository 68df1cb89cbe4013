// Makes a state large: brings in many keys, many at once, and deletes ranges of them again. What it writes is
// compared by everybody who reads or watches all of it.

import type { Command, TxnCommand } from "@althing/store";
import { encodeValue } from "../../observe/reference.ts";
import { Actor } from "./actor.ts";

const flags = { prevKv: false, ignoreValue: false, ignoreLease: false } as const;

export class Loader extends Actor {
  #serial = 0;
  #next = 0;

  start(): void {
    this.later(this.pauseMs(), () => {
      if (this.isOver) return;
      const service = this.anyService();
      if (service === undefined) this.start();
      else this.propose(service, this.#command(), () => this.start());
    });
  }

  #command(): Command {
    const keys = this.plan.keys ?? 100;
    if (this.prng.chance(0.05)) {
      const from = this.prng.below(keys);
      const key = nameOf(from);
      return {
        kind: "deleteRange",
        key,
        rangeEnd: nameOf(from + this.prng.below(50)),
        prevKv: false,
      };
    }
    const bytes = this.prng.pick([10, 100, 1000]);
    const success: TxnCommand["success"][number][] = [];
    for (let left = this.prng.pick([1, 30, 100]); left > 0; left--) {
      const value = encodeValue(this.plan.id * 1_000_000 + ++this.#serial, bytes);
      const key = nameOf(this.#next++ % keys);
      success.push({ kind: "put", key, value, lease: 0n, ...flags });
    }
    return { kind: "txn", compares: [], success, failure: [] };
  }
}

/** They sort as their numbers do. */
function nameOf(number: number): string {
  return `n${`${number}`.padStart(6, "0")}`;
}
