// A member that was added to vote follows as a learner until it has caught up, because a voter that
// lags, or never starts, would only weaken the quorum (dissertation §4.2.1). Here the leader makes it
// a voter as soon as the core finds it ready.

import { futureVoters } from "./reconfiguration.ts";
import type { Administered } from "./reconfigurations.ts";
import type { Turn } from "./turn.ts";

export class Promoter {
  readonly #turn: Turn;
  readonly #parts: Administered;
  #underWay = false;
  #nextMs = 0;

  constructor(turn: Turn, parts: Administered) {
    this.#turn = turn;
    this.#parts = parts;
  }

  tick(nowMs: number): void {
    if (this.#turn.leadership.role !== "leader" || this.#underWay || nowMs < this.#nextMs) return;
    const { applied: membership } = this.#parts.track;
    if (membership.learners.length === 0) return;
    const published = this.#parts.roster.members();
    const [member] = futureVoters({ membership, published, active: new Set() });
    if (member === undefined) return;
    const started = published.some((one) => one.member === member && one.incarnation !== "");
    if (!started) return;
    this.#underWay = true;
    this.#nextMs = nowMs + this.#turn.waits.electionMs / 4;
    this.#parts.admin.change([{ kind: "promote", member }], new Uint8Array(0), (error) => {
      this.#underWay = false;
      if (error !== undefined) return;
      this.#turn.observe({ kind: "member.promoted", level: "info", member });
    });
  }
}
