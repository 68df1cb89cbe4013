// Which keys hang on which lease: always what the newest versions of the keys say. Kept with the key
// index and rebuilt with it.

import type { Key, LeaseId } from "../contract.ts";

export class Attachments {
  readonly #leaseOf = new Map<Key, LeaseId>();
  readonly #keysOf = new Map<LeaseId, Set<Key>>();

  /** Any key hangs on any lease. */
  get areAny(): boolean {
    return this.#leaseOf.size > 0;
  }

  /** 0n: the key hangs on no lease any more. */
  set(key: Key, lease: LeaseId): void {
    const before = this.#leaseOf.get(key) ?? 0n;
    if (before === lease) return;
    if (before !== 0n) this.#detach(key, before);
    if (lease === 0n) {
      this.#leaseOf.delete(key);
      return;
    }
    this.#leaseOf.set(key, lease);
    const keys = this.#keysOf.get(lease);
    if (keys === undefined) this.#keysOf.set(lease, new Set([key]));
    else keys.add(key);
  }

  /** 0n: on none. */
  leaseOf(key: Key): LeaseId {
    return this.#leaseOf.get(key) ?? 0n;
  }

  /** Nothing hangs on the lease any more. */
  detachAll(lease: LeaseId): void {
    for (const key of this.#keysOf.get(lease) ?? []) this.#leaseOf.delete(key);
    this.#keysOf.delete(lease);
  }

  /** Sorted: a revoke deletes in this order, on every member. */
  keysOf(lease: LeaseId): Key[] {
    return this.copyOf(lease).sort();
  }

  /** In any order. */
  copyOf(lease: LeaseId): Key[] {
    return [...(this.#keysOf.get(lease) ?? [])];
  }

  /** In any order, until `visit` returns false. */
  visitKeysOf(lease: LeaseId, visit: (key: Key) => boolean): void {
    for (const key of this.#keysOf.get(lease) ?? []) if (!visit(key)) return;
  }

  #detach(key: Key, lease: LeaseId): void {
    const keys = this.#keysOf.get(lease)!;
    keys.delete(key);
    if (keys.size === 0) this.#keysOf.delete(lease);
  }
}
