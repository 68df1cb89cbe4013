// Mutants of the time of leases, which the leader alone keeps. Names are the corpus's where there is one.

import type { Mutant } from "./mutant.ts";

const lessor = "packages/service/src/leases/lessor.ts";
const flags = ["--actors", "holder"];
const handingOver = ["--reads", "lease", "--faults", "transfer,network,partition,pause"];
const transferring = [...flags, "--faults", "crash,partition,transfer,pause", "--seconds", "20"];

export const leaseMutants: readonly Mutant[] = [
  {
    name: "lease-ends-a-tick-early",
    about: "a TTL runs from the tick before the holder asked (found: it did)",
    edits: [
      {
        file: lessor,
        find: "return this.#timeMs + this.#heardMs(this.#host.clock.monotonicMs());",
        replace: "return this.#timeMs;",
      },
    ],
    flags,
  },
  {
    name: "stuck-leader-revokes-leases",
    about: "what a leader of before says of a lease is sent on to the one of now (found: it was)",
    edits: [
      {
        file: lessor,
        find: "this.#host.proposeAsLeader(command, (outcome) => {\n      // Still there",
        replace: "this.#host.propose(command, (outcome) => {\n      // Still there",
      },
    ],
    flags: transferring,
    seedsMax: 1500,
  },
  {
    name: "lease-expired-by-old-count",
    about: "who leads again goes on with what it counted when it led before",
    edits: [
      { file: lessor, find: "    this.#ends.clear();\n", replace: "" },
      {
        file: lessor,
        find: "state.remainingSeconds * 1000 + this.#host.waits.electionMs",
        replace: "state.remainingSeconds * 1000",
      },
    ],
    flags: transferring,
    seedsMax: 1500,
  },
  {
    name: "keepalive-by-deposed-leader",
    about: "a leader keeps leases alive without asking whether it still leads",
    edits: [
      {
        file: lessor,
        find: "this.#host.read((error) => {\n      const stillLeads",
        replace:
          "((run: (error: MemberError | undefined) => void) => run(undefined))((error) => {\n      const stillLeads",
      },
    ],
    flags: transferring,
    seedsMax: 1500,
  },
  {
    name: "keepalive-of-an-ended-lease",
    about: "a lease that is being revoked is kept alive",
    edits: [
      {
        file: lessor,
        find: "const isOver = endMs <= this.#timeMs;",
        replace: "const isOver = endMs === 0;",
      },
    ],
    flags,
    seedsMax: 600,
  },
  {
    name: "checkpoint-not-cleared-by-keepalive",
    about: "a lease that is kept alive has, for the next leader, only the rest of before",
    edits: [
      {
        file: lessor,
        find: "const mustClear = this.#checkpoints.mustClear(state);",
        replace: "const mustClear = state === undefined;",
      },
    ],
    flags: transferring,
    seedsMax: 1500,
  },
  {
    name: "new-leader-gives-half",
    about: "a new leader gives leases half of what is left to them",
    edits: [
      {
        file: lessor,
        find: "state.remainingSeconds * 1000 + this.#host.waits.electionMs",
        replace: "state.remainingSeconds * 500",
      },
    ],
    flags: transferring,
    seedsMax: 600,
  },
  {
    name: "read-lease-outlives-transfer",
    about: "a leader that told another to stand still reads by its own lease",
    edits: [
      {
        file: "packages/consensus/src/raft/transfer.ts",
        find: "  voidLease(leadership);\n  send(",
        replace: "  void voidLease;\n  send(",
      },
    ],
    flags: [...handingOver, "--seconds", "20"],
    seedsMax: 1000,
  },
  {
    name: "paxos-read-lease-outlives-transfer",
    about: "a Paxos leader that told another to stand still reads by its own lease",
    edits: [
      {
        file: "packages/consensus/src/paxos/transfer.ts",
        find: "  voidLease(leadership);\n",
        replace: "  void voidLease;\n",
      },
    ],
    flags: ["--protocol", "paxos", ...handingOver, "--seconds", "20"],
    seedsMax: 1000,
  },
];
