// One line per address and kind of trouble, however often it knocks: a stranger on the port must not
// be able to fill a disk with log lines.

export interface Complaints {
  /** How many were held back since the last one that was let through, or undefined: hold back. */
  admit(address: string, code: string): { readonly repeated: number } | undefined;
}

const quietMs = 10_000;
const addressesMax = 1024;

export function createComplaints(nowMs: () => number): Complaints {
  const seen = new Map<string, { until: number; repeated: number }>();
  return {
    admit(address, code) {
      const key = `${address} ${code}`;
      const now = nowMs();
      const entry = seen.get(key);
      if (entry !== undefined && now < entry.until) {
        entry.repeated++;
        return undefined;
      }
      seen.delete(key);
      if (seen.size >= addressesMax) {
        const oldest = seen.keys().next().value;
        if (oldest !== undefined) seen.delete(oldest);
      }
      seen.set(key, { until: now + quietMs, repeated: 0 });
      return { repeated: entry?.repeated ?? 0 };
    },
  };
}
