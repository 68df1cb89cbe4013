// How many connections there may be, of all clients and of one address. Beyond that a few more are let in for a
// moment, in which they are told how the member is and nothing else, so that a probe always gets its answer. When
// these are taken too, the oldest of the address that has most of them makes room: a probe is answered at once, and
// who only holds on to its place loses it.

export interface GateLimits {
  readonly connectionsMax: number;
  readonly perAddressMax: number;
}

/** One address may have three quarters of what there is, where nobody says otherwise. */
export function gateLimitsOf(connectionsMax: number, perAddressMax = 0): GateLimits {
  return { connectionsMax, perAddressMax: perAddressMax || Math.ceil(connectionsMax * 0.75) };
}

export interface Place {
  /** Let in for a probe only. */
  readonly isReserved: boolean;
  leave(): void;
}

interface Reserved {
  readonly evict: () => void;
}

const reservedMax = 256;

export class ConnectionGate {
  private readonly limits: GateLimits;
  private open = 0;
  private readonly openByAddress = new Map<string, number>();
  private reserved = 0;
  private readonly reservedByAddress = new Map<string, Set<Reserved>>();

  constructor(limits: GateLimits) {
    this.limits = limits;
  }

  /** `evict` closes the connection; called only for one whose place is reserved. */
  enter(address: string, evict: () => void): Place {
    const { limits } = this;
    const ofAddress = this.openByAddress.get(address) ?? 0;
    if (this.open >= limits.connectionsMax || ofAddress >= limits.perAddressMax) {
      return this.reserve(address, evict);
    }
    this.open++;
    this.openByAddress.set(address, ofAddress + 1);
    let isHere = true;
    return {
      isReserved: false,
      leave: () => {
        if (!isHere) return;
        isHere = false;
        this.open--;
        const left = this.openByAddress.get(address)! - 1;
        if (left === 0) this.openByAddress.delete(address);
        else this.openByAddress.set(address, left);
      },
    };
  }

  private reserve(address: string, evict: () => void): Place {
    if (this.reserved >= reservedMax) this.makeRoom();
    const one: Reserved = { evict };
    let ofAddress = this.reservedByAddress.get(address);
    if (ofAddress === undefined) {
      ofAddress = new Set();
      this.reservedByAddress.set(address, ofAddress);
    }
    ofAddress.add(one);
    this.reserved++;
    return { isReserved: true, leave: () => this.forget(address, one) };
  }

  private makeRoom(): void {
    let crowd: readonly [string, Set<Reserved>] | undefined;
    for (const each of this.reservedByAddress) {
      if (crowd === undefined || each[1].size > crowd[1].size) crowd = each;
    }
    if (crowd === undefined) return;
    const [oldest] = crowd[1];
    this.forget(crowd[0], oldest!);
    oldest!.evict();
  }

  private forget(address: string, one: Reserved): void {
    const ofAddress = this.reservedByAddress.get(address);
    if (ofAddress === undefined || !ofAddress.delete(one)) return;
    this.reserved--;
    if (ofAddress.size === 0) this.reservedByAddress.delete(address);
  }
}
