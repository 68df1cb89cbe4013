// A cluster under random faults, decided by a list of small numbers so that fast-check can shrink
// it: messages lost, doubled and out of order, disks that lag, crashes that lose what was not
// written, compaction, membership changes, transfers. Then the world heals and has to move on. Longer than
// most files, because all that a move may be stands in one place.

import assert from "node:assert/strict";
import type {
  CoreOptions,
  Input,
  LogPoint,
  MemberId,
  MembershipChange,
  Protocol,
} from "../contract.ts";
import { isJoint, membershipOf, sameMembership, votersOf } from "../membership/membership.ts";
import { bytesOf, Cluster, type Letter } from "./cluster.ts";
import { drawChanges, drawHalfDone, restoredFrom } from "./half-done.ts";

export interface RandomPlan {
  readonly voters: number;
  readonly learners: number;
  /** Members that are in no membership at first; 1 unless told. */
  readonly outsiders?: number;
  readonly seed: number;
  readonly core: Partial<Omit<CoreOptions, "id" | "random">>;
  readonly withMembership: boolean;
  readonly priorities?: Readonly<Record<MemberId, number>>;
  /** (kind, member, choice) triples. */
  readonly moves: readonly (readonly [number, number, number])[];
  /** Clocks differ by up to this fraction, and ticks come only with time. */
  readonly clockDrift?: number;
  /** Not an empty cluster: one in the midst of what this seed draws. */
  readonly halfDone?: number;
}

export function runRandomPlan<M, S>(
  protocol: Protocol<M, S>,
  plan: RandomPlan,
  onTrace?: (line: string) => void,
): Cluster<M, S> {
  const random = randomOf(plan.seed);
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const voters = names.slice(0, plan.voters);
  const learners = names.slice(plan.voters, plan.voters + plan.learners);
  const rates = new Map(names.map((name) => [name, 1 + (random() - 0.5) * (plan.clockDrift ?? 0)]));
  const membership = membershipOf(voters, learners);
  const members = names.slice(0, Math.min(7, plan.voters + plan.learners + (plan.outsiders ?? 1)));
  const cluster = new Cluster(protocol, {
    membership,
    members,
    ...(plan.halfDone !== undefined && {
      restored: restoredFrom(
        protocol.name,
        drawHalfDone(membership, members, protocol.name !== "paxos", randomOf(plan.halfDone)),
      ),
    }),
    core: { ...plan.core, random },
    ...(plan.priorities && { priorities: plan.priorities }),
    clockRate: (member) => rates.get(member) ?? 1,
    ...(onTrace && { onTrace }),
  });
  // What a restart knows to be chosen is applied.
  for (const id of members) cluster.step(id);
  const run = new RandomRun(cluster, plan);
  for (const move of plan.moves) run.move(move);
  run.heal();
  return cluster;
}

/** A long plan that is mostly about snapshots: members fall behind, install, and crash in between. */
export function installPlan(seed: number, core: RandomPlan["core"] = {}): RandomPlan {
  const random = randomOf(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const length = 200 + below(1200);
  const moves = Array.from({ length }, (): [number, number, number] => {
    return [installMoves[below(installMoves.length)]!, below(7), below(1024)];
  });
  const limits = { messageBytesMax: 3, messagesInFlightMax: 2, uncommittedBytesMax: 40 };
  return {
    voters: 3 + below(3),
    learners: below(2),
    seed: below(2 ** 31),
    core: { ...(random() < 0.5 && { limits }), ...core },
    withMembership: random() < 0.3,
    moves,
    ...(core.reads === "lease" && { clockDrift: 0.09 }),
  };
}

/** Kinds of moves, as often as they are wanted. */
const installMoves = [
  ...[0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 11, 11, 12, 13, 14, 14, 15, 16, 17, 18, 18, 18],
  ...[19, 19, 19, 19, 20, 20, 20, 20, 20, 20, 20, 20, 20, 21, 22, 23, 23, 23, 24, 24, 25, 25, 26],
];

const pastMax = 64;
const streamsMax = 8;

class RandomRun<M, S> {
  readonly #cluster: Cluster<M, S>;
  readonly #plan: RandomPlan;
  readonly #members: readonly MemberId[];
  /** For each read under way, who was asked, and what had been applied anywhere by then. */
  readonly #asked = new Map<number, { readonly id: MemberId; readonly highest: number }>();
  /** Letters of long ago, one of each move: they may arrive once more at any time. */
  readonly #past: Letter[] = [];
  /** Snapshots that were asked for, as they were then. */
  readonly #streams: { from: MemberId; to: MemberId; epoch: number; point: LogPoint }[] = [];
  #moves = 0;
  #nextToken = 1;
  #answersSeen = 0;

  constructor(cluster: Cluster<M, S>, plan: RandomPlan) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#members = [...cluster.machines.keys()];
  }

  move([kind, member, choice]: readonly [number, number, number]): void {
    const cluster = this.#cluster;
    const id = this.#members[member % this.#members.length]!;
    const other = this.#members[choice % this.#members.length]!;
    const letter = cluster.letters[choice % Math.max(1, cluster.letters.length)];
    this.#remember(letter);
    switch (kind % 34) {
      case 0:
      case 1:
      case 2:
        this.#time(id, choice);
        break;
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
        // In the order they were sent, most of the time.
        for (let i = 0; i <= choice % 8; i++) {
          const first = cluster.letters.shift();
          if (first !== undefined) cluster.deliver(first);
        }
        break;
      case 8:
        if (letter !== undefined) {
          cluster.letters.splice(cluster.letters.indexOf(letter), 1);
          cluster.deliver(letter);
        }
        break;
      case 9:
        if (letter !== undefined) cluster.letters.splice(cluster.letters.indexOf(letter), 1);
        break;
      case 10:
        if (letter !== undefined) cluster.letters.push(letter);
        break;
      case 11:
      case 12:
      case 13:
        for (const each of this.#members) if (cluster.at(each).isUp) cluster.persist(each);
        break;
      case 14:
      case 15:
        this.#propose(this.#leaderOr(id), 1);
        break;
      case 16:
        this.#read(id);
        break;
      case 17:
        cluster.crash(id);
        break;
      case 18:
        for (const each of this.#members) if (!cluster.at(each).isUp) cluster.restart(each);
        break;
      case 19:
        if (cluster.at(id).isUp && cluster.at(id).writes.length === 0) {
          if (cluster.at(id).installs.length === 0) cluster.compact(id);
        }
        break;
      case 20:
        if (!cluster.sendSnapshot(choice % 4 !== 0)) cluster.install(id);
        break;
      case 21: {
        const token = this.#nextToken++;
        const leader = this.#leaderOr(id);
        cluster.step(leader, { kind: "transferLeadership", to: other, token });
        break;
      }
      case 22:
        if (this.#plan.withMembership) this.#changeMembership(id, choice);
        break;
      case 23:
        if (choice % 5 === 0) cluster.step(id, { kind: "disconnected", peer: other });
        else if (choice % 5 === 1) cluster.step(id, { kind: "unreachable", peer: other });
        else if (choice % 10 === 2) cluster.step(id, { kind: "stepDown" });
        else if (choice % 10 === 7) cluster.step(id, { kind: "fitness", isFit: choice % 20 === 7 });
        else if (choice % 5 === 3) cluster.step(id, { kind: "campaign" });
        else if (!cluster.isCut(id, other)) cluster.cut(id, other);
        else {
          cluster.heal();
          cluster.step(id, { kind: "connected", peer: other });
        }
        break;
      case 24:
        cluster.crashInInstall(id);
        break;
      case 25:
        this.#fallBehind(id, other);
        break;
      case 26:
        this.#elect(id);
        break;
      case 27:
        this.#partition(choice);
        break;
      case 28:
        // Everything arrives that is not cut off.
        cluster.elapse(1 + (choice % 16));
        break;
      case 29:
        // What is under way on one connection is lost.
        cluster.letters = cluster.letters.filter(({ from, to }) => from !== id || to !== other);
        break;
      case 30:
        this.#partInTheMidst(id, randomOf(member * 1024 + choice));
        break;
      case 31: {
        const late = this.#past[choice % Math.max(1, this.#past.length)];
        if (late !== undefined) cluster.deliver(late);
        break;
      }
      case 32:
        this.#muchInOneTurn(id, choice);
        break;
      case 33: {
        // A stream that was slow: its receiver may be something else by now.
        const late = this.#streams[choice % Math.max(1, this.#streams.length)];
        if (late !== undefined) cluster.step(late.to, { kind: "snapshotReceived", ...late });
        break;
      }
    }
    this.#askAllThatLead();
    this.#checkReads();
  }

  #remember(letter: Letter | undefined): void {
    this.#moves++;
    if (letter !== undefined) this.#past[this.#moves % pastMax] = letter;
    const wanted = this.#cluster.snapshots[0];
    if (wanted === undefined) return;
    this.#streams[this.#moves % streamsMax] = {
      ...wanted,
      point: this.#cluster.at(wanted.from).store,
    };
  }

  /** What waits for a member comes to it at once, after a read and before a proposal of its own: one turn. */
  #muchInOneTurn(id: MemberId, choice: number): void {
    const cluster = this.#cluster;
    const waiting = cluster.letters.filter(({ to }) => to === id).slice(0, 1 + (choice % 16));
    cluster.letters = cluster.letters.filter((letter) => !waiting.includes(letter));
    const { protocol } = cluster;
    const letters = waiting.filter(({ from }) => !cluster.isCut(from, id));
    const inputs = letters.map(({ from, bytes }) => {
      return { kind: "receive" as const, from, message: protocol.decodeMessage(bytes) };
    });
    const payload = bytesOf("together");
    const proposal = {
      kind: "propose" as const,
      proposals: [{ token: this.#nextToken++, payload }],
    };
    this.#read(id, ...inputs, ...(choice % 3 === 0 ? [proposal] : []));
  }

  /** Everybody is up, fit and connected: within a few election timeouts they agree and go on. */
  heal(): void {
    const cluster = this.#cluster;
    cluster.heal();
    for (const id of this.#members) if (!cluster.at(id).isUp) cluster.restart(id);
    for (const id of this.#members) cluster.step(id, { kind: "fitness", isFit: true });
    cluster.stabilize();
    const electionTicks = this.#plan.core.electionTicks ?? 10;
    const goesOn = () => {
      const leader = cluster.leader();
      if (leader === undefined) return false;
      const { membership, commitIndex, lastIndex } = cluster.at(leader).core.status();
      if (isJoint(membership) || commitIndex < lastIndex) return false;
      return [...votersOf(membership), ...membership.learners].every((id) => {
        const status = cluster.at(id).core.status();
        return status.appliedIndex === commitIndex && sameMembership(status.membership, membership);
      });
    };
    for (let i = 0; i < 40 && !goesOn(); i++) cluster.elapse(electionTicks);
    const states = [...cluster.machines.values()].map(({ core }) => core.status());
    assert(goesOn(), `the healed cluster does not go on: ${JSON.stringify(states)}`);
    // A hand-over that was asked for before may still end the lead of one that goes on.
    for (let i = 0; i < 5 && !this.#isLastApplied(); i++) {
      const payload = bytesOf("last");
      const proposer = cluster.leader();
      if (proposer !== undefined) {
        cluster.step(proposer, { kind: "propose", proposals: [{ token: 0, payload }] });
      }
      cluster.elapse(electionTicks);
    }
    assert(this.#isLastApplied(), "the last proposal is applied");
    const leader = cluster.leader()!;
    this.#read(leader);
    cluster.elapse(electionTicks);
    this.#checkReads();
    const asked = [...this.#asked.keys()];
    assert.deepEqual(asked, [], "every read was answered or rejected");
  }

  /** Cut off with entries of its own, it comes back to others that have compacted theirs. */
  #fallBehind(id: MemberId, next: MemberId): void {
    const cluster = this.#cluster;
    const others = this.#members.filter((each) => each !== id && cluster.at(each).isUp);
    cluster.isolate(id);
    this.#propose(id, 2);
    cluster.persist(id);
    for (const each of others) cluster.step(each, { kind: "disconnected", peer: id });
    if (next !== id && cluster.leader() === id) cluster.step(next, { kind: "campaign" });
    cluster.stabilize({ installs: false });
    this.#propose(this.#leaderOr(next), 4);
    cluster.stabilize({ installs: false });
    for (const each of others) cluster.compact(each);
    cluster.heal();
  }

  /** Everybody hangs up on the leader, and a member stands; installs take longer than all of it. */
  #elect(id: MemberId): void {
    const cluster = this.#cluster;
    const leader = cluster.leader();
    for (const each of this.#members) {
      if (leader !== undefined) cluster.step(each, { kind: "disconnected", peer: leader });
    }
    cluster.step(id, { kind: "campaign" });
    cluster.stabilize({ installs: false });
  }

  #propose(id: MemberId, count: number): void {
    for (let i = 0; i < count; i++) {
      const payload = bytesOf(`${this.#nextToken}`);
      const token = this.#nextToken++;
      this.#cluster.step(id, { kind: "propose", proposals: [{ token, payload }] });
    }
  }

  #isLastApplied(): boolean {
    const leader = this.#cluster.leader();
    const last = leader === undefined ? undefined : this.#cluster.at(leader).applied.at(-1);
    return last !== undefined && new TextDecoder().decode(last.payload) === "last";
  }

  /** Two sides that hear nothing of each other; in a third of the cases one of them still hears. */
  #partition(sides: number): void {
    const cluster = this.#cluster;
    cluster.heal();
    this.#members.forEach((one, place) => {
      this.#members.forEach((other, otherPlace) => {
        const isCut = ((sides >> place) & 1) > ((sides >> otherPlace) & 1);
        if (!isCut) return;
        cluster.cut(one, other);
        if (sides % 3 !== 0) cluster.cut(other, one);
      });
    });
  }

  /**
   * Something begins, and in the midst of it the members part, or one of them crashes. Each side goes on by
   * itself, perhaps with a leader of its own, before they part in another way or meet again. Left to chance,
   * what is under way is over before the fault, or the fault is over before its consequences.
   */
  #partInTheMidst(id: MemberId, random: () => number): void {
    const cluster = this.#cluster;
    const below = (limit: number) => Math.floor(random() * limit);
    const anyone = () => this.#members[below(this.#members.length)]!;
    this.#begin(id, anyone(), below(8));
    const steps = below(40);
    const loss = random() < 0.5 ? 0 : random() * 0.7;
    for (let i = 0; i < steps; i++) {
      for (const each of this.#members) if (cluster.at(each).isUp) cluster.persist(each);
      const letter = cluster.letters.shift();
      if (letter !== undefined && random() >= loss) cluster.deliver(letter);
    }
    for (let parts = below(3); parts >= 0; parts--) {
      this.#partition(below(1024));
      if (random() < 0.3) {
        const unlucky = random() < 0.5 ? this.#leaderOr(id) : anyone();
        cluster.crash(unlucky);
        this.#checkReads();
        if (random() < 0.7) cluster.restart(unlucky);
      }
      for (let rounds = below(2); rounds >= 0; rounds--) {
        cluster.elapse(1 + below(14));
        if (random() < 0.5) cluster.step(anyone(), { kind: "campaign" });
        cluster.stabilize();
        for (const each of this.#leaders()) this.#propose(each, 1);
      }
      cluster.elapse(1 + below(3));
      this.#askAllThatLead();
      this.#checkReads();
    }
    for (const each of this.#members) this.#propose(each, 1);
    if (random() < 0.7) cluster.heal();
  }

  #begin(id: MemberId, other: MemberId, what: number): void {
    const cluster = this.#cluster;
    const token = this.#nextToken++;
    if (what < 4 && this.#plan.withMembership) this.#changeMuch(id, what * 256 + token);
    else if (what < 6) {
      cluster.step(this.#leaderOr(id), { kind: "transferLeadership", to: other, token });
    } else if (what < 7) cluster.step(id, { kind: "campaign" });
    else this.#propose(this.#leaderOr(id), 2);
  }

  #leaders(): MemberId[] {
    return this.#members.filter((each) => {
      const { isUp, core } = this.#cluster.at(each);
      return isUp && core.status().role === "leader";
    });
  }

  /** Where two lead, the lease of one of them has ended, or the other has written nothing yet. */
  #askAllThatLead(): void {
    const leaders = this.#leaders();
    if (leaders.length > 1) for (const each of leaders) this.#read(each);
  }

  #time(id: MemberId, choice: number): void {
    const cluster = this.#cluster;
    if (this.#plan.clockDrift === undefined) {
      cluster.nowMs += 10;
      cluster.tick(id, 1 + (choice % 6));
      return;
    }
    // No more ticks than time: some members pause and lose theirs.
    cluster.nowMs += 11;
    this.#members.forEach((each, place) => {
      if (((choice >> place) & 3) !== 3) cluster.tick(each);
    });
  }

  /** What else comes is of the same turn. */
  #read(id: MemberId, ...others: Input<M>[]): void {
    const token = this.#nextToken++;
    if (!this.#cluster.at(id).isUp) return;
    const highest = Math.max(...[...this.#cluster.machines.values()].map((m) => m.store.index));
    this.#asked.set(token, { id, highest });
    this.#cluster.step(id, { kind: "read", token }, ...others);
  }

  #checkReads(): void {
    const { answers } = this.#cluster;
    for (; this.#answersSeen < answers.length; this.#answersSeen++) {
      const { member, effect } = answers[this.#answersSeen]!;
      if (effect.kind !== "readReady" && effect.kind !== "rejected") continue;
      const asked = this.#asked.get(effect.token);
      this.#asked.delete(effect.token);
      if (effect.kind === "rejected" || asked === undefined) continue;
      const { highest } = asked;
      const seen = `${member} reads at ${effect.index} what stood at ${highest}`;
      assert(effect.index >= highest, seen);
    }
    // Who crashes forgets what it was asked.
    for (const [token, { id }] of this.#asked) {
      if (!this.#cluster.at(id).isUp) this.#asked.delete(token);
    }
  }

  #changeMembership(id: MemberId, choice: number): void {
    const kinds = ["addVoter", "addLearner", "promote", "remove"] as const;
    const changes: MembershipChange[] = [
      {
        kind: kinds[choice % 4]!,
        member: this.#members[(choice >> 2) % this.#members.length]!,
      },
    ];
    if (choice % 3 === 0) {
      const member = this.#members[(choice >> 5) % this.#members.length]!;
      changes.push({ kind: kinds[(choice >> 3) % 4]!, member });
    }
    this.#cluster.step(this.#leaderOr(id), {
      kind: "changeMembership",
      changes,
      context: bytesOf("context"),
      token: this.#nextToken++,
    });
  }

  /** To a membership that is drawn as a whole: most of the voters may be others. */
  #changeMuch(id: MemberId, seed: number): void {
    const leader = this.#leaderOr(id);
    const { membership } = this.#cluster.at(leader).core.status();
    const changes = drawChanges(membership, this.#members, randomOf(seed));
    const token = this.#nextToken++;
    const context = bytesOf("context");
    this.#cluster.step(leader, { kind: "changeMembership", changes, context, token });
  }

  #leaderOr(id: MemberId): MemberId {
    return this.#cluster.leader() ?? id;
  }
}

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
