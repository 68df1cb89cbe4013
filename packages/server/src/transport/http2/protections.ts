// Bounds on what a client can make the server do for nothing. Each is far beyond what any client of gRPC does
// and ends the connection with ENHANCE_YOUR_CALM.

/** A budget that refills over time. */
class Allowance {
  private readonly burst: number;
  private readonly perMs: number;
  private left: number;
  private sinceMs = performance.now();

  constructor(burst: number, perSecond: number) {
    this.burst = burst;
    this.perMs = perSecond / 1000;
    this.left = burst;
  }

  /** False: used up. The clock is read only when that seems so. */
  spend(): boolean {
    if (--this.left >= 0) return true;
    const now = performance.now();
    this.left = Math.min(this.burst, Math.floor((now - this.sinceMs) * this.perMs));
    this.sinceMs = now;
    return --this.left >= 0;
  }
}

/** Streams that end by a reset, the client's or one that its faults provoke. */
export const createResetAllowance = () => new Allowance(2000, 200);

/** Frames that ask for nothing: settings, priorities, empty data, continuations, unknown types. */
export const createIdleFrameAllowance = () => new Allowance(1000, 200);

export interface PingRules {
  /** The least time between two pings of a client that has calls under way. */
  readonly minTimeMs: number;
}

const strikesMax = 2;
const withoutStreamsMs = 2 * 3_600_000;

/** gRPC's rule: pings that come too often are counted, and any answer sent in between forgives them. */
export class PingJudge {
  private readonly rules: PingRules;
  private strikes = 0;
  private lastMs = Number.NEGATIVE_INFINITY;
  /** Headers or data were sent since the last ping. */
  isForgiven = false;

  constructor(rules: PingRules) {
    this.rules = rules;
  }

  /** False: too many. */
  allows(nowMs: number, hasStreams: boolean): boolean {
    const since = nowMs - this.lastMs;
    this.lastMs = nowMs;
    if (this.isForgiven) {
      this.isForgiven = false;
      this.strikes = 0;
      return true;
    }
    if (since < (hasStreams ? this.rules.minTimeMs : withoutStreamsMs)) this.strikes++;
    return this.strikes <= strikesMax;
  }
}

/** The last few streams of a kind: frames may still arrive for them. */
export class RecentStreams {
  private readonly countMax: number;
  private readonly ids: number[] = [];
  private at = 0;

  constructor(countMax: number) {
    this.countMax = countMax;
  }

  add(id: number): void {
    this.ids[this.at] = id;
    this.at = (this.at + 1) % this.countMax;
  }

  has(id: number): boolean {
    return this.ids.includes(id);
  }
}
