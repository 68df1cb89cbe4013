// One story told to two clusters, of etcd and of Althing: a scenario is written once, runs against both sides at
// once, and what each side's client printed must be the same but for what is each cluster's own (ids, addresses,
// durations), which is masked, and what test/differential/accepted.ts accepts with a reason.

import assert from "node:assert/strict";
import { Cluster, type ClusterOptions } from "../cluster/cluster.ts";
import { type AcceptedPrint, acceptedPrints } from "../differential/accepted.ts";

/** What one client printed, or a server answered, when it was told something. */
export interface Entry {
  readonly told: string;
  readonly said: unknown;
}

export class Side {
  readonly cluster: Cluster;
  #transcript: Entry[] = [];
  /** What only this side says, by the word that both sides' transcripts have for it. */
  readonly #own = new Map<string, string>();

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    for (const [i, { spec }] of cluster.members.entries()) {
      this.name(spec.clientUrl, `http://client-${i}`);
      this.name(spec.peerUrl, `http://peer-${i}`);
      this.name(spec.clientUrl.replace("http://", ""), `client-${i}`);
      this.name(spec.peerUrl.replace("http://", ""), `peer-${i}`);
    }
  }

  get endpoints(): string {
    return this.cluster.members.map(({ spec }) => spec.clientUrl).join(",");
  }

  endpoint(member: number): string {
    return this.cluster.member(member).spec.clientUrl;
  }

  /** From here on, the transcript has the word in place of the value. */
  name(value: string, word: string): void {
    this.#own.set(value, word);
  }

  /** The same for as long as something lasts: roles that members have by chance. */
  async withNames<T>(names: ReadonlyMap<string, string>, run: () => Promise<T>): Promise<T> {
    const before = new Map(this.#own);
    for (const [value, word] of names) this.name(value, word);
    try {
      return await run();
    } finally {
      for (const value of names.keys()) {
        const word = before.get(value);
        if (word === undefined) this.#own.delete(value);
        else this.name(value, word);
      }
    }
  }

  masked(text: string): string {
    let out = text;
    // Longer ones first: an address may hold another within itself.
    const names = [...this.#own].sort(([a], [b]) => b.length - a.length);
    for (const [value, word] of names) out = out.replaceAll(value, word);
    return out;
  }

  note(told: string, said: unknown): void {
    this.#transcript.push({ told: this.masked(told), said });
  }

  /** Asked only to see how far things are. */
  async quietly<T>(ask: () => Promise<T>): Promise<T> {
    const transcript = this.#transcript;
    this.#transcript = [];
    try {
      return await ask();
    } finally {
      this.#transcript = transcript;
    }
  }

  takeTranscript(): readonly Entry[] {
    const taken = this.#transcript;
    this.#transcript = [];
    return taken;
  }
}

/** The reference first, then what is under test. */
export async function startSides(options: Omit<ClusterOptions, "program">): Promise<Side[]> {
  const starts = await Promise.allSettled(
    (["etcd", "althing"] as const).map((program) => Cluster.start({ ...options, program })),
  );
  const clusters = starts.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  for (const start of starts) {
    if (start.status === "fulfilled") continue;
    await Promise.all(clusters.map((cluster) => cluster.stop()));
    throw start.reason;
  }
  return clusters.map((cluster) => new Side(cluster));
}

export async function stopSides(sides: readonly Side[]): Promise<void> {
  await Promise.all(sides.map(({ cluster }) => cluster.stop()));
}

/** Runs the scenario on both sides and fails with every difference that nobody accepted. */
export async function tellBoth(
  sides: readonly Side[],
  scenario: (side: Side) => Promise<void>,
): Promise<readonly Entry[]> {
  const ends = await Promise.allSettled(sides.map(scenario));
  const [reference, subject] = sides.map((side) => side.takeTranscript());
  for (const [i, end] of ends.entries()) {
    if (end.status === "rejected") {
      throw new Error(`${sides[i]?.cluster.program}: ${(end.reason as Error).message}`, {
        cause: end.reason,
      });
    }
  }
  assert.ok(reference !== undefined && subject !== undefined);
  assertSame(reference, subject);
  return subject;
}

function assertSame(reference: readonly Entry[], subject: readonly Entry[]): void {
  assert.ok(reference.length > 0, "a scenario that tells nothing compares nothing");
  const told = (entries: readonly Entry[]) => entries.map((entry) => entry.told);
  assert.deepEqual(told(subject), told(reference));
  const isAccepted = (entry: Entry, i: number) =>
    acceptedPrints.some((one: AcceptedPrint) =>
      one.covers(entry.told, reference[i]?.said, entry.said),
    );
  const left = (entries: readonly Entry[]) =>
    entries.filter((_, i) => !isAccepted(subject[i] as Entry, i));
  assert.deepEqual(left(subject), left(reference));
}
