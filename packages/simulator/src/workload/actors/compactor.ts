// Compacts history at random places and looks at what is left: reads the past at any revision on any
// member, writes in transactions that read the past as well (corpus 35), and compares numbers and leases.

import { encodeValue } from "../../observe/reference.ts";
import type { Service } from "../service.ts";
import { Actor, wholeRange } from "./actor.ts";

export class Compactor extends Actor {
  #serial = 0;

  start(): void {
    this.later(this.pauseMs(), () => {
      if (this.isOver) return;
      const service = this.anyService();
      if (service === undefined) this.start();
      else if (this.prng.chance(0.15)) this.#compact(service);
      else if (this.prng.chance(0.2)) this.#writeAndRead(service);
      else {
        service.enter(() => this.#look(service));
        this.start();
      }
    });
  }

  #compact(service: Service): void {
    const { revision } = service.store;
    const back = this.prng.pick([0, 0, 1, this.prng.below(10), this.prng.below(100)]);
    const at = Math.max(1, revision - back);
    this.propose(service, { kind: "compact", revision: at }, () => this.start());
  }

  #writeAndRead(service: Service): void {
    const { revision, compactRevision } = service.store;
    const at = Math.max(1, compactRevision - 2 + this.prng.below(revision - compactRevision + 4));
    const value = encodeValue(this.plan.id * 1000 + ++this.#serial, 0);
    const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
    const put = { kind: "put", key: "c0", value, lease: 0n, ...flags } as const;
    const success = [{ kind: "range", ...wholeRange, revision: at } as const, put];
    this.propose(service, { kind: "txn", compares: [], success, failure: [] }, () => this.start());
  }

  #look(service: Service): void {
    const { history } = this.context.checkers;
    const { store } = service;
    const member = `m${service.machine}`;
    const floor = Math.max(1, store.compactRevision);
    // At the edges most of all.
    const revision = this.prng.pick([
      0,
      floor - 1,
      floor,
      store.revision,
      store.revision + 1,
      floor + this.prng.below(store.revision - floor + 1),
    ]);
    history.read(member, revision, store, store.range({ ...wholeRange, revision }));
    history.stands(member, store);
    this.heard(`looked at ${revision}`, revision, store.revision);
  }
}
