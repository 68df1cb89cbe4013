// Quiet means written and freed: once the world is healed and nobody asks for anything, every member's disk
// comes to hold all that its store shows and, but for a stated slack, nothing else. What a restart finds then
// is the state itself, with nothing left to remove.
// The slack: of the removed records those in blocks that are at most half empty stay, so they are no more than
// the records that are left; and their names, where half of a list may be of records that are gone.

import type { Cluster } from "../cluster/cluster.ts";
import type { Machine, StoreClients } from "../cluster/machine.ts";

/** A removed record's name, in the lists of them. */
const nameBytes = 12;
const namesPerRecordMax = 2;

export class AtRest {
  readonly #cluster: Cluster;
  readonly #machines: readonly Machine[];
  readonly #settled = new Set<Machine>();

  constructor(cluster: Cluster, machines: readonly number[]) {
    this.#cluster = cluster;
    this.#machines = cluster.machines.filter(({ ordinal }) => machines.includes(ordinal));
  }

  /** Whether every member has come to rest. */
  poll(): boolean {
    for (const machine of this.#machines) {
      if (!this.#settled.has(machine) && this.#unrest(machine) === undefined) {
        this.#settled.add(machine);
      }
    }
    return this.#settled.size === this.#machines.length;
  }

  describe(): string {
    return this.#machines
      .filter((machine) => !this.#settled.has(machine))
      .map((machine) => `${machine.name} ${this.#unrest(machine)}`)
      .join("; ");
  }

  /** What keeps it from being at rest; undefined: nothing. */
  #unrest(machine: Machine): string | undefined {
    const clients = machine.process?.clients;
    if (clients === undefined) return "is down";
    const { store, engine } = clients;
    if (store.compactionLeft) return "has not removed all that was compacted";
    if (!this.#cluster.hasDiskEngine) return undefined;
    const { unwrittenBytes, unwrittenRemovals } = engine;
    if (unwrittenBytes > 0 || unwrittenRemovals > 0) {
      return `has not written ${unwrittenBytes} bytes and ${unwrittenRemovals} removals`;
    }
    const durable = engine.durable().index;
    if (durable !== store.appliedIndex) {
      return `has written what leads to ${durable}, and stands at ${store.appliedIndex}`;
    }
    const { names } = machine.disk.store;
    if (names.length > 1 && !this.#cluster.windows.isOpen(machine.ordinal, "receiving")) {
      return `keeps states that are not in force: ${names.join(", ")}`;
    }
    return this.#onDisk(machine, clients);
  }

  #onDisk(machine: Machine, { store }: StoreClients): string | undefined {
    const found = this.#cluster.storeOnDisk(machine);
    const shown = JSON.stringify([store.stateHash(), store.hashKv(0), store.leases().length]);
    const onDisk = () =>
      JSON.stringify([found.store.stateHash(), found.store.hashKv(0), found.store.leases().length]);
    const restarted = onDisk();
    if (shown !== restarted) return `shows ${shown}, and its disk ${restarted}`;
    while (found.store.compactStep());
    const obsolete = found.engine.unwrittenRemovals;
    if (obsolete > 0) return `has ${obsolete} obsolete records on its disk`;
    const inUse = found.engine.bytesInUse;
    // What a store does about it by itself: no more than that is owed.
    found.engine.flush(() => {});
    found.settle();
    const left = found.engine.bytesInUse;
    if (left < inUse) return `holds ${inUse} bytes on its disk, where ${left} will do`;
    // And when it is told to, nothing of it is lost.
    found.engine.flush(() => {}, true);
    found.settle();
    const packed = onDisk();
    if (shown !== packed) return `shows ${shown}, and once its disk is packed ${packed}`;
    let records = 0;
    found.engine.scan(0, 0, () => ++records > 0);
    const names = found.removalBytes / nameBytes;
    if (names <= namesPerRecordMax * records) return undefined;
    return `keeps ${names} names of removed records beside ${records} records`;
  }
}
