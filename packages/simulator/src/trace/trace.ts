// Takes every event of a run into the hash and, when asked, keeps it. The hash does not depend on
// whether anything is kept: texts are made only then, numbers are hashed always.

import type { TraceEvent } from "./events.ts";
import { RunningHash } from "./hash.ts";

const kinds: readonly TraceEvent["kind"][] = [
  "sent",
  "delivered",
  "lost",
  "started",
  "stopped",
  "role",
  "membership",
  "persist",
  "persisted",
  "apply",
  "hash",
  "disk",
  "fault",
  "phase",
  "call",
  "return",
  "note",
  "violation",
];
const kindNumbers = new Map(kinds.map((kind, position) => [kind, position + 1]));

export class Trace {
  readonly #hash = new RunningHash();
  readonly #now: () => number;
  readonly events: TraceEvent[] = [];
  readonly recording: boolean;
  /** Events that went into the hash. */
  count = 0;

  constructor(now: () => number, recording: boolean) {
    this.#now = now;
    this.recording = recording;
  }

  get digest(): string {
    return this.#hash.digest;
  }

  /** Hashes the kind, the time and `numbers`; keeps what `event` makes when recording. */
  add(
    kind: TraceEvent["kind"],
    a: number,
    b: number,
    c: number,
    d: number,
    event: (at: number) => TraceEvent,
  ): void {
    const hash = this.#hash;
    const at = this.#now();
    this.count++;
    hash.number(kindNumbers.get(kind) as number);
    hash.number(at);
    hash.number(a);
    hash.number(b);
    hash.number(c);
    hash.number(d);
    if (this.recording) this.events.push(event(at));
  }

  /** Kept for people, when recording, and never hashed. */
  aside(event: (at: number) => TraceEvent): void {
    if (this.recording) this.events.push(event(this.#now()));
  }

  /** Rare events: their text is hashed too. */
  text(kind: TraceEvent["kind"], text: string, event: (at: number) => TraceEvent): void {
    this.#hash.text(text);
    this.add(kind, text.length, 0, 0, 0, event);
  }

  /** More of the event just added that must be equal in equal runs. */
  mix(value: number): void {
    this.#hash.number(value);
  }
}
