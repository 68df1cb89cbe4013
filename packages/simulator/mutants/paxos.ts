// Mutants of Multi-Paxos. Where one is a bug that the simulator found in it before, it says so.

import type { Mutant } from "./mutant.ts";

const paxos = "packages/consensus/src/paxos";
const flags = ["--protocol", "paxos"];
const membershipFlags = [...flags, "--faults", "crash,partition,membership", "--seconds", "20"];

function mutant(
  name: string,
  about: string,
  edit: readonly [file: string, find: string, replace: string],
  more: Partial<Mutant> = {},
): Mutant {
  const [file, find, replace] = edit;
  return {
    name: `paxos-${name}`,
    about,
    edits: [{ file: `${paxos}/${file}`, find, replace }],
    flags,
    ...more,
  };
}

export const paxosMutants: readonly Mutant[] = [
  mutant("promise-in-page-cache", "a promise is told before it is on disk", [
    "prepare.ts",
    "sendAfterDisk(paxos, from, promiseFrom(paxos, message.first));",
    'paxos.outbox.sends.push({ kind: "send", to: from, message: promiseFrom(paxos, message.first) });',
  ]),
  mutant("accepted-in-page-cache", "an accepted value is told before it is on disk", [
    "accept.ts",
    'sendAfterDisk(paxos, from, { kind: "acceptResponse", ballot, first, last, matchIndex });',
    'paxos.outbox.sends.push({ kind: "send", to: from, message: { kind: "acceptResponse", ballot, first, last, matchIndex } });',
  ]),
  mutant("prepare-before-durable", "a ballot is used before it is on disk", [
    "prepare.ts",
    'sendAfterDisk(paxos, voter, { kind: "prepareRequest", ballot, first, handedOver, quorums });',
    'paxos.outbox.sends.push({ kind: "send", to: voter, message: { kind: "prepareRequest", ballot, first, handedOver, quorums } });',
  ]),
  mutant("promise-forgotten", "a restart forgets what was promised", [
    "self.ts",
    "state === undefined ? noBallot : { round: state.round, proposer: state.proposer };",
    "noBallot;",
  ]),
  mutant("ballot-not-raised", "a proposer prepares the ballot that it promised before", [
    "role.ts",
    "Math.max(paxos.highestRound, paxos.promised.round) + 1;",
    "Math.max(1, paxos.promised.round);",
  ]),
  mutant("accept-below-promise", "an acceptor accepts below its promise (P1a)", [
    "receive.ts",
    "if (compareBallots(ballot, paxos.promised) < 0) {",
    "if (ballot.round < 0) {",
  ]),
  mutant("lowest-ballot-adopted", "of two accepted values the lower ballot's is adopted (P2c)", [
    "preparation.ts",
    "compareBallots(ballotOf(known), ballotOf(entry)) >= 0) return;",
    "compareBallots(ballotOf(known), ballotOf(entry)) <= 0) return;",
  ]),
  mutant("first-told-adopted", "of two accepted values the one that was told first is adopted", [
    "preparation.ts",
    "if (known !== undefined && compareBallots(ballotOf(known), ballotOf(entry)) >= 0) return;",
    "if (known !== undefined) return;",
  ]),
  mutant("nothing-adopted", "a leader fills open slots with no-ops whatever was accepted there", [
    "propose.ts",
    'proposeNext(paxos, leadership, found?.kind ?? "noop", found?.payload ?? nothing);',
    'proposeNext(paxos, leadership, "noop", nothing);',
  ]),
  mutant("own-slots-forgotten", "a leader forgets what it accepted itself", [
    "role.ts",
    "if (accepted !== undefined) noteAccepted(preparation, accepted);",
    "if (accepted === undefined) break;",
  ]),
  mutant("found-ignored", "a leader proposes new values where something was accepted", [
    "preparation.ts",
    "if (entry.index > preparation.foundUpTo) preparation.foundUpTo = entry.index;",
    "",
  ]),
  mutant("first-part-is-all", "the first part of a promise is taken for all of it", [
    "prepare.ts",
    "isLast: index > log.lastIndex,",
    "isLast: true,",
  ]),
  mutant("promise-with-commits-only", "a promise tells of nothing that is not known to be chosen", [
    "prepare.ts",
    "    if (entry === undefined) continue;\n    bytes",
    "    if (entry === undefined || index > commitIndex) continue;\n    bytes",
  ]),
  mutant("prepare-quorum-minus-one", "one promise less than a quorum is enough to lead", [
    "quorums.ts",
    "return quorumVerdictOf(membership, prepareSize(sizes), answers);",
    "return quorumVerdictOf(membership, (count) => Math.max(1, prepareSize(sizes)(count) - 1), answers);",
  ]),
  mutant("accept-quorum-minus-one", "one acceptor less than a quorum chooses", [
    "quorums.ts",
    "return quorumIndexOf(membership, acceptSize(sizes), matchOf);",
    "return quorumIndexOf(membership, (count) => Math.max(1, acceptSize(sizes)(count) - 1), matchOf);",
  ]),
  mutant(
    "quorums-that-need-not-meet",
    "quorums of two and two of four are allowed",
    ["quorums.ts", "if (prepare + accept <= length) {", "if (prepare + accept <= 0) {"],
    { flags: [...flags, "--members", "4", "--paxos-quorums", "2,2"] },
  ),
  mutant("told-of-any-ballot", "a follower takes what it holds for what its leader has chosen", [
    "commit.ts",
    "if (next === undefined || !isOfBallot(next, promised)) break;",
    "if (next === undefined) break;",
  ]),
  mutant("received-of-any-ballot", "an acceptor reports slots of earlier ballots as this one's", [
    "commit.ts",
    "if (next === undefined || !isOfBallot(next, promised)) return;",
    "if (next === undefined) return;",
  ]),
  mutant("gap-committed", "a chosen slot takes the open ones before it along", [
    "commit.ts",
    "while (upTo < last && isChosen(paxos, leadership, upTo + 1)) upTo++;",
    "for (let next = upTo + 1; next <= last; next++) if (isChosen(paxos, leadership, next)) upTo = next;",
  ]),
  mutant(
    "beyond-a-membership",
    "a leader proposes beyond a membership that is not chosen",
    ["propose.ts", 'if (kind === "membership") leadership.barrier = index;', ""],
    { flags: membershipFlags },
  ),
  mutant(
    "new-voters-not-prepared",
    "phase 1 is not done with the voters of a new membership",
    [
      "prepare.ts",
      'leadership.isPrepared = phaseOne(paxos, preparation) === "won";',
      'leadership.isPrepared = phaseOne(paxos, preparation) !== "lost";',
    ],
    { flags: membershipFlags, seedsMax: 1500 },
  ),
  mutant(
    "settled-alone",
    "a membership is told as settled when its leader alone knows that it is chosen",
    [
      "membership-change.ts",
      "return (peerOf(leadership, member)?.commitIndex ?? 0) >= index;",
      "return true;",
    ],
    { plans: "paxos", seedsMax: 100 },
  ),
  mutant(
    "told-by-new-voters-in-vain",
    "what new voters know to be chosen does not oblige a leader that old ones elected (found by reading)",
    [
      "commit.ts",
      "if (leadership === undefined || entry.index >= leadership.nextSlot) {",
      "if (leadership !== undefined && entry.index >= leadership.nextSlot) return;\n  if (leadership === undefined) {",
    ],
    { test: "packages/consensus/src/paxos/new-voters.test.ts" },
  ),
  mutant(
    "beyond-a-snapshot-uncounted",
    "slots beyond a snapshot's point do not count as durable when it is in place (found by reading)",
    ["snapshot.ts", "  advanceDurable(paxos);\n  advanceReceived(paxos);\n", ""],
    { plans: "paxos" },
  ),
  mutant(
    "released-by-any-hand-over",
    "a transfer releases acceptors from loyalty to whomever they follow (found by reading)",
    [
      "loyalty.ts",
      "return handedOver !== undefined && sameBallot(handedOver, paxos.promised);",
      "return handedOver !== undefined;",
    ],
    { plans: "paxos", seedsMax: 3000 },
  ),
  mutant(
    "lease-left-for-another",
    "who granted a lease follows a leader of old voters that it did not promise (found by reading)",
    ["loyalty.ts", "return paxos.promisedTo !== ballot.proposer;", "return false;"],
    { test: "packages/consensus/src/paxos/new-voters.test.ts" },
  ),
  mutant("apply-before-durable", "what is chosen is applied before it is on the own disk", [
    "turn.ts",
    "return Math.min(chosen, paxos.durableIndex);",
    "return chosen;",
  ]),
  mutant("reads-unconfirmed", "a leader answers reads without asking anybody", [
    "reads.ts",
    "if (!hasLease(paxos, leadership)) return true;",
    "",
  ]),
  mutant("reads-before-recovered", "a new leader answers reads before it knows what was chosen", [
    "leadership.ts",
    "return leadership.isPrepared && paxos.commitIndex >= leadership.preparation.foundUpTo;",
    "return leadership.isPrepared;",
  ]),
  mutant("slots-lost-with-snapshot", "a snapshot drops what was accepted after its point", [
    "slots.ts",
    "this.#start = Math.min(this.#start + index - this.#baseIndex, this.#items.length);",
    "this.#start = this.#items.length;",
  ]),
  mutant("lost-not-resent", "what was lost on the way to an acceptor is not sent again", [
    "replication.ts",
    "peer.next = Math.max(peer.match, receivedIndex) + 1;",
    "peer.next = Math.max(peer.match, peer.lossNext - 1) + 1;",
  ]),
  mutant(
    "forgotten-not-fed",
    "who forgets with a crash what is chosen is not told again (found by a seed)",
    ["replication.ts", "if (receivedIndex < peer.lossMatch) peer.match = receivedIndex;", ""],
    { seedsMax: 600 },
  ),
];
