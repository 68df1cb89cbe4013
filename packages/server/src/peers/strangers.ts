// Connections on the peer port whose caller has not proved who it is. Their number is bounded; beyond it the
// oldest of the address that holds the most places goes, so that a crowd from one address keeps out nobody
// but itself: an IPv4 address, or the /64 of an IPv6 one, which is what one customer of a provider is given. A
// member that comes is proved within two round trips.

import { visitorOf } from "../transport/peer-address.ts";

export const crowded = "too many connections that do not say who they are";

interface Stranger {
  readonly address: string;
  evict: () => void;
}

export interface StrangerPlace {
  /** From here on it is sent away in another manner. */
  handOver(evict: () => void): void;
  leave(): void;
}

export class Strangers {
  readonly #max: number;
  /** Oldest first. */
  readonly #all = new Set<Stranger>();
  readonly #byAddress = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  enter(remoteAddress: string, evict: () => void): StrangerPlace {
    const address = visitorOf(remoteAddress);
    const stranger: Stranger = { address, evict };
    this.#all.add(stranger);
    this.#count(address, 1);
    if (this.#all.size > this.#max) this.#mostCrowding()?.evict();
    return {
      handOver: (next) => {
        stranger.evict = next;
      },
      leave: () => {
        if (this.#all.delete(stranger)) this.#count(address, -1);
      },
    };
  }

  #mostCrowding(): Stranger | undefined {
    const most = Math.max(...this.#byAddress.values());
    for (const stranger of this.#all) {
      if (this.#byAddress.get(stranger.address) === most) return stranger;
    }
    return undefined;
  }

  #count(address: string, change: number): void {
    const count = (this.#byAddress.get(address) ?? 0) + change;
    if (count === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, count);
  }
}
