// Changes of the membership on their way to the leader: carried out here when this member leads, else
// sent to whoever does. Each names its member by an id that is used once, so one whose answer was lost
// is asked again, and finding it done already is an answer too: nobody is left to guess.

import type { MemberId } from "@althing/consensus";
import type { AdminRequests } from "./admin.ts";
import { MemberError, type MemberErrorCode, type Reconfiguration } from "./contract.ts";
import type { MembershipTrack } from "./membership-track.ts";
import type { PeerMessage } from "./ports.ts";
import type { Proposals } from "./proposals.ts";
import type { Publisher } from "./publish.ts";
import {
  type ClusterView,
  changeOf,
  decodeReconfiguration,
  encodeReconfiguration,
  reconfigurationFault,
} from "./reconfiguration.ts";
import type { Roster } from "./roster/roster.ts";
import type { Turn } from "./turn.ts";

type Done = (error: MemberError | undefined) => void;
type Message<Kind extends PeerMessage["kind"]> = Extract<PeerMessage, { kind: Kind }>;

interface Asked {
  readonly request: Reconfiguration;
  readonly done: Done;
  readonly deadlineMs: number;
  /** When the answer of the present attempt is given up; 0: none is under way. */
  waitMs: number;
  attempt: number;
  /** An earlier attempt may have succeeded without a word. */
  maybeDone: boolean;
}

export interface Administered {
  readonly roster: Roster;
  readonly proposals: Proposals;
  readonly track: MembershipTrack;
  readonly admin: AdminRequests;
  readonly publisher: Publisher;
}

/** Passing troubles: the same request may fare better a moment later. */
const PASSING: readonly MemberErrorCode[] = [
  "notLeader",
  "membershipChangeInProgress",
  "overloaded",
  "leaderChanged",
  "noLeader",
  "timedOut",
  "stopped",
];
/** What asking for something that was done already is answered with. */
const ALREADY: Record<Reconfiguration["kind"], MemberErrorCode> = {
  add: "memberExists",
  remove: "memberUnknown",
  promote: "notALearner",
};
const ASKED_MAX = 256;

export class Reconfigurations {
  readonly #turn: Turn;
  readonly #parts: Administered;
  readonly #asked = new Map<number, Asked>();
  #nextRequest = 1;

  constructor(turn: Turn, parts: Administered) {
    this.#turn = turn;
    this.#parts = parts;
  }

  ask(request: Reconfiguration, done: Done): void {
    if (this.#asked.size >= ASKED_MAX) {
      const error = new MemberError("overloaded", "notExecuted", "too many changes are asked for");
      this.#turn.ports.clock.soon(() => this.#turn.guard(() => done(error)));
      return;
    }
    const nowMs = this.#turn.ports.clock.monotonicMs();
    const deadlineMs = nowMs + this.#turn.waits.requestMs;
    const id = this.#nextRequest++ * ATTEMPTS;
    const asked = { request, done, deadlineMs, waitMs: 0, attempt: 0, maybeDone: false };
    this.#asked.set(id, asked);
    this.#try(id, asked, nowMs);
  }

  receiveForward(from: MemberId, { session, request, body }: Message<"adminForward">): void {
    const wanted = decodeReconfiguration(body, this.#parts.roster);
    const answer = (error: MemberError | undefined) => {
      const unknown = error?.outcome === "unknown";
      const code = error?.code ?? "";
      this.#turn.send(from, { kind: "adminDone", session, request, code, unknown });
    };
    if (wanted === undefined) answer(refusal("membershipChangeInvalid"));
    else this.#carryOut(wanted, answer);
  }

  receiveDone({ session, request, code, unknown }: Message<"adminDone">): void {
    if (session !== this.#parts.proposals.session) return;
    const id = request - (request % ATTEMPTS);
    const asked = this.#asked.get(id);
    if (asked === undefined || asked.attempt !== request % ATTEMPTS) return;
    this.#answered(id, asked, code === "" ? undefined : (code as MemberErrorCode), unknown);
  }

  tick(nowMs: number): void {
    for (const [id, asked] of [...this.#asked]) {
      if (asked.waitMs > 0 && nowMs >= asked.waitMs) {
        asked.waitMs = 0;
        asked.maybeDone = true;
      }
      if (nowMs >= asked.deadlineMs) this.#giveUp(id, asked);
      else if (asked.waitMs === 0) this.#try(id, asked, nowMs);
    }
  }

  failAll(code: MemberErrorCode, message: string): void {
    for (const [id, asked] of [...this.#asked]) {
      const unknown = asked.maybeDone || asked.waitMs > 0;
      this.#settle(id, asked, new MemberError(code, unknown ? "unknown" : "notExecuted", message));
    }
  }

  #try(id: number, asked: Asked, nowMs: number): void {
    const { role, leader } = this.#turn.leadership;
    if (leader === undefined) return;
    asked.attempt = (asked.attempt + 1) % ATTEMPTS;
    asked.waitMs = nowMs + 2 * this.#turn.waits.electionMs;
    const { attempt } = asked;
    if (role === "leader") {
      this.#carryOut(asked.request, (error) => {
        if (this.#asked.get(id) !== asked || asked.attempt !== attempt) return;
        this.#answered(id, asked, error?.code, error?.outcome === "unknown");
      });
      return;
    }
    this.#turn.send(leader, {
      kind: "adminForward",
      session: this.#parts.proposals.session,
      request: id + attempt,
      body: encodeReconfiguration(asked.request, this.#parts.roster),
    });
  }

  #carryOut(request: Reconfiguration, done: Done): void {
    if (this.#turn.leadership.role !== "leader") {
      done(refusal("notLeader"));
      return;
    }
    const fault = reconfigurationFault(request, this.#view());
    if (fault !== undefined) {
      // What was done before is told as done only when it is as certain as what is done now.
      const isCertain = fault !== ALREADY[request.kind] || this.#parts.admin.isSettled;
      done(refusal(isCertain ? fault : "membershipChangeInProgress"));
      return;
    }
    const { change, context } = changeOf(request, this.#parts.roster);
    const refused = this.#parts.publisher.changeRefusal([change]);
    if (refused === undefined) this.#parts.admin.change([change], context, done);
    else done(refused);
  }

  #view(): ClusterView {
    const { membership, peers } = this.#turn.core.status();
    const heard = peers.filter(({ recentlyActive }) => recentlyActive).map(({ id }) => id);
    const active = new Set([this.#turn.id, ...heard]);
    return { membership, published: this.#parts.roster.members(), active };
  }

  #answered(id: number, asked: Asked, code: MemberErrorCode | undefined, unknown: boolean): void {
    asked.waitMs = 0;
    if (unknown) asked.maybeDone = true;
    if (code === undefined || (asked.maybeDone && code === ALREADY[asked.request.kind])) {
      this.#settle(id, asked, undefined);
    } else if (!PASSING.includes(code)) this.#settle(id, asked, refusal(code));
    // Otherwise it is asked again on a tick to come, until its time is over.
  }

  #giveUp(id: number, asked: Asked): void {
    const unknown = asked.maybeDone || asked.waitMs > 0;
    const leaderless = this.#turn.leadership.leader === undefined;
    const code = leaderless ? "noLeader" : "timedOut";
    const message = unknown
      ? "no answer in time; the change may have been made"
      : "the change could not be made in time";
    this.#settle(id, asked, new MemberError(code, unknown ? "unknown" : "notExecuted", message));
  }

  #settle(id: number, asked: Asked, error: MemberError | undefined): void {
    if (!this.#asked.delete(id)) return;
    this.#turn.guard(() => asked.done(error));
  }
}

/** A request's number says which attempt it is: an answer to an earlier one counts no more. */
const ATTEMPTS = 1024;

const WORDS: Partial<Record<MemberErrorCode, string>> = {
  notLeader: "this member does not lead",
  membershipChangeInvalid: "the change is of a later version than this member's",
  memberUnknown: "there is no such member",
  memberExists: "there is a member of that id already",
  peerUrlTaken: "another member has one of these addresses",
  tooManyLearners: "there is a learner already: promote or remove it first",
  notALearner: "it is no learner that waits to be promoted",
  learnerNotCaughtUp: "the learner has not caught up with the leader's log yet",
  notEnoughStarted: "too few members have started to decide anything after the change",
  unhealthy: "too few members are up to decide anything after the change",
};

function refusal(code: MemberErrorCode): MemberError {
  return new MemberError(code, "notExecuted", WORDS[code] ?? `the change was refused: ${code}`);
}
