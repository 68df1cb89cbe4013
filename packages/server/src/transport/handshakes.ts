// TLS handshakes under way. Each costs signatures, in whichever turn of the loop its caller chooses, and a thousand
// callers may choose the same: so only some are begun before others have ended. One address has three quarters of
// the places, the others have the rest; who makes others wait and does not go on loses its place.

interface Handshake {
  readonly address: string;
  readonly begin: () => void;
  readonly cut: () => void;
  sinceMs: number;
}

const underWayMax = 48;
const perAddressMax = 36;
const patienceMs = 2000;
const watchMs = 250;

export class Handshakes {
  /** In the order in which they were begun. */
  readonly #underWay = new Set<Handshake>();
  readonly #countOf = new Map<string, number>();
  readonly #waiting = new Map<string, Set<Handshake>>();
  #watch: NodeJS.Timeout | undefined;

  get underWay(): number {
    return this.#underWay.size;
  }

  /** `begin` is called in its turn. What is returned ends it, whether it was begun or not. */
  enter(address: string, begin: () => void, cut: () => void): () => void {
    const one: Handshake = { address, begin, cut, sinceMs: 0 };
    let ofAddress = this.#waiting.get(address);
    if (ofAddress === undefined) {
      ofAddress = new Set();
      this.#waiting.set(address, ofAddress);
    }
    ofAddress.add(one);
    this.#beginNext();
    return () => this.#leave(one);
  }

  #beginNext(): void {
    while (this.#underWay.size < underWayMax) {
      const one = this.#next();
      if (one === undefined) break;
      this.#stopWaiting(one);
      this.#underWay.add(one);
      this.#count(one.address, 1);
      one.sinceMs = performance.now();
      one.begin();
    }
    if (this.#waiting.size > 0) {
      this.#watch ??= setTimeout(() => this.#cutStalled(), watchMs).unref();
    }
  }

  /** The first of the address that has fewest under way. */
  #next(): Handshake | undefined {
    let fewest = perAddressMax;
    let next: Handshake | undefined;
    for (const [address, waiting] of this.#waiting) {
      const count = this.#countOf.get(address) ?? 0;
      if (count >= fewest) continue;
      fewest = count;
      [next] = waiting;
      if (count === 0) break;
    }
    return next;
  }

  #cutStalled(): void {
    this.#watch = undefined;
    const latestMs = performance.now() - patienceMs;
    for (const one of this.#underWay) {
      if (one.sinceMs > latestMs || this.#waiting.size === 0) break;
      one.cut();
      this.#leave(one);
    }
    if (this.#waiting.size > 0) {
      this.#watch ??= setTimeout(() => this.#cutStalled(), watchMs).unref();
    }
  }

  #leave(one: Handshake): void {
    this.#stopWaiting(one);
    if (!this.#underWay.delete(one)) return;
    this.#count(one.address, -1);
    this.#beginNext();
  }

  #stopWaiting(one: Handshake): void {
    const ofAddress = this.#waiting.get(one.address);
    if (ofAddress?.delete(one) && ofAddress.size === 0) this.#waiting.delete(one.address);
  }

  #count(address: string, change: number): void {
    const count = (this.#countOf.get(address) ?? 0) + change;
    if (count === 0) this.#countOf.delete(address);
    else this.#countOf.set(address, count);
  }
}
