// A timer for a call's deadline. Clients send what is left of their time to the microsecond, so hardly two are
// alike; they are rounded up by at most a 64th, so that Node keeps few lists of timers instead of thousands.

const timerMsMax = 0x7fff_ffff;

export function armDeadline(timeoutMs: number, expired: () => void): NodeJS.Timeout {
  return setTimeout(expired, Math.min(roundUp(timeoutMs), timerMsMax));
}

export function roundUp(timeoutMs: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(timeoutMs, 1))) - 6);
  return Math.ceil(timeoutMs / step) * step;
}
