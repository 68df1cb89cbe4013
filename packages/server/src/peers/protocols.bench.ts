// node packages/server/src/peers/protocols.bench.ts
// What a put costs the processor in the protocol alone: the cores of three members, every message
// encoded and decoded as on the wire, disks that answer at once and no store. The protocols in turns, in
// one process, so that whatever else the machine does falls on all of them alike.

import { type Core, membershipOf, type Protocol, paxos, raft, zab } from "@althing/consensus";
import { decodePeerMessage } from "@althing/member";
import { createPeerEncoder } from "./encoder.ts";

const protocols = [raft, paxos, zab] as unknown as readonly Protocol[];
const ids = ["0000000000000001", "0000000000000002", "0000000000000003"];
const payloadBytes = 330;
const rounds = 9;

interface Member {
  readonly core: Core<unknown, unknown>;
  readonly encode: ReturnType<typeof createPeerEncoder>;
  inbox: { readonly from: string; readonly bytes: Uint8Array }[];
  appliedIndex: number;
}

class Cluster {
  readonly #protocol: Protocol;
  readonly #members = new Map<string, Member>();
  #nowMs = 0;

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
    const base = { index: 0, epoch: 0, proposer: "", membership: membershipOf(ids) };
    const options = { heartbeatTicks: 10, electionTicks: 100, tickMs: 10, random: Math.random };
    for (const id of ids) {
      const restored = { state: undefined, base, entries: [], applied: 0 };
      const core = protocol.create({ id, ...options }, restored);
      const encode = createPeerEncoder(protocol);
      this.#members.set(id, { core, encode, inbox: [], appliedIndex: 0 });
    }
    while (this.#leader === undefined) this.#elapse();
  }

  /** Turns of the loop, each with so many puts. Returns the CPU time of one put in microseconds. */
  measure(turns: number, puts: number): number {
    const leader = this.#leader!;
    const before = process.cpuUsage();
    for (let turn = 0; turn < turns; turn++) {
      const proposals = Array.from({ length: puts }, (_, token) => {
        return { token, payload: new Uint8Array(payloadBytes) };
      });
      const [id, { core }] = leader;
      core.step({ kind: "propose", proposals }, this.#nowMs);
      this.#flush(id);
      this.#settle();
      if (turn % 64 === 0) this.#compact();
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / turns / puts;
  }

  get #leader(): [string, Member] | undefined {
    return [...this.#members].find(([, { core }]) => core.status().role === "leader");
  }

  #elapse(): void {
    this.#nowMs += 10;
    for (const [id, { core }] of this.#members) {
      core.step({ kind: "tick" }, this.#nowMs);
      this.#flush(id);
    }
    this.#settle();
  }

  #settle(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const [id, member] of this.#members) {
        if (member.inbox.length === 0) continue;
        moved = true;
        const letters = member.inbox;
        member.inbox = [];
        for (const { from, bytes } of letters) {
          const decoded = decodePeerMessage(this.#protocol, bytes);
          if (decoded.kind !== "protocol") continue;
          member.core.step({ kind: "receive", from, message: decoded.message }, this.#nowMs);
        }
        this.#flush(id);
      }
    }
  }

  #flush(id: string): void {
    const member = this.#members.get(id)!;
    const { core } = member;
    for (let effects = core.effects(); effects.length > 0; effects = core.effects()) {
      for (const effect of effects) {
        if (effect.kind === "send") this.#post(id, effect.to, effect.message);
        else if (effect.kind === "persist") {
          for (const { to, message } of effect.thenSend) this.#post(id, to, message);
          core.step({ kind: "persisted", sequence: effect.sequence }, this.#nowMs);
        } else if (effect.kind === "apply") {
          member.appliedIndex = effect.entries.at(-1)!.index;
          core.step({ kind: "applied", index: member.appliedIndex }, this.#nowMs);
        }
      }
    }
  }

  #post(from: string, to: string, message: unknown): void {
    const bytes = this.#members.get(from)!.encode({ kind: "protocol", message });
    this.#members.get(to)!.inbox.push({ from, bytes });
  }

  #compact(): void {
    for (const { core, appliedIndex } of this.#members.values()) {
      const index = appliedIndex - 3000;
      if (index >= core.status().firstIndex) core.step({ kind: "compact", index }, this.#nowMs);
    }
  }
}

for (const puts of [1, 10, 100]) {
  const turns = Math.ceil(20_000 / (puts + 10));
  const clusters = protocols.map((protocol) => ({ protocol, cluster: new Cluster(protocol) }));
  const measured = new Map<string, number[]>();
  for (let round = -2; round < rounds; round++) {
    for (const { protocol, cluster } of clusters) {
      const microseconds = cluster.measure(turns, puts);
      if (round < 0) continue;
      measured.set(protocol.name, [...(measured.get(protocol.name) ?? []), microseconds]);
    }
  }
  for (const [name, all] of measured) {
    const sorted = all.sort((one, other) => one - other);
    const median = sorted[sorted.length >> 1]!.toFixed(2);
    const least = sorted[0]!.toFixed(2);
    const what = `${name}, ${puts} puts a turn:`.padEnd(24);
    process.stdout.write(`${what} ${median} us CPU a put on three members (least ${least})\n`);
  }
}
