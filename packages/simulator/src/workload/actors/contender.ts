// Contends for a lock, or for the lead of an election, which is the same: takes a place in the line under
// its lease, waits, and while it owns writes what the lock guards, each time under its token. It may give
// up, be lost in thought for longer than its lease lives, forget to keep it alive, or come back after an
// unknown outcome to the place that it already had. Others only look who owns.

import { type Claimant, type Place, putOf, type SuccessionFault } from "@althing/service";
import { encodeValue } from "../../observe/reference.ts";
import type { Service } from "../service.ts";
import { Actor, drawLease } from "./actor.ts";

const names = ["lock/a", "lock/b"];

interface Session {
  readonly lease: bigint;
  readonly ttlMs: number;
  /** Until then it keeps itself alive. */
  readonly untilMs: number;
  isLost: boolean;
}

export class ContendingActor extends Actor {
  start(): void {
    this.later(this.pauseMs(), () => this.#begin());
  }

  #begin(): void {
    if (this.isOver) return;
    const service = this.anyService();
    if (service === undefined) this.start();
    else if (this.prng.chance(0.3)) this.#observe(service);
    else this.#openSession(service);
  }

  #observe(service: Service): void {
    const name = this.prng.pick(names);
    const since = this.now;
    this.read(service, `who owns ${name}`, (isTrue) => {
      if (isTrue) {
        const owner = service.succession.owner(name);
        const { key = "", createRevision = 0 } = owner ?? {};
        this.context.checkers.succession.observed(name, key, createRevision, since);
      }
      this.start();
    });
  }

  #openSession(service: Service): void {
    const lease = drawLease(this.prng);
    const ttlSeconds = this.prng.pick([1, 1, 2]);
    const sentAt = this.now;
    this.propose(service, { kind: "leaseGrant", lease, ttlSeconds }, (answer) => {
      if (answer?.kind !== "applied") {
        this.start();
        return;
      }
      this.context.checkers.leases.granted(lease, ttlSeconds, sentAt);
      const ttlMs = ttlSeconds * 1000;
      const untilMs = this.now / 1000 + ttlMs * this.prng.pick([0, 2, 5, 20]);
      const session: Session = { lease, ttlMs, untilMs, isLost: false };
      this.#keepAlive(session);
      this.#contend(session, this.prng.pick(names), 3);
    });
  }

  #keepAlive(session: Session): void {
    // Lost in thought: longer than the lease lives, now and then.
    const isAway = this.prng.chance(0.03);
    this.later(session.ttlMs * (isAway ? 1.5 : this.prng.random() * 0.5), () => {
      if (session.isLost || this.isOver || this.now / 1000 > session.untilMs) return;
      const service = this.anyService();
      const { leases } = this.context.checkers;
      const sentAt = this.now;
      if (service === undefined) {
        this.#keepAlive(session);
        return;
      }
      this.askLease(service, session.lease, true, (answer) => {
        if (answer !== undefined && answer.error === undefined) {
          if (answer.leftMs === undefined) {
            leases.gone(session.lease);
            session.isLost = true;
            return;
          }
          leases.renewed(session.lease, answer.leftMs, sentAt);
        }
        this.#keepAlive(session);
      });
    });
  }

  #contend(session: Session, name: string, tries: number): void {
    const service = this.anyService();
    if (this.isOver || session.isLost || tries === 0 || service === undefined) {
      this.start();
      return;
    }
    const again = (): void =>
      this.later(this.pauseMs(), () => this.#contend(session, name, tries - 1));
    const since = this.now;
    const { reference, succession } = this.context.checkers;
    const { revision: before } = reference;
    const asking = this.#ask(service, `wait for ${name}`, again, (code) => {
      const key = `${name}/${session.lease.toString(16)}`;
      if (code === "sessionExpired") succession.expired(key, before);
    });
    const value = encodeValue(1 + this.prng.below(2), 0);
    const kind = this.prng.pick(["lock", "election"] as const);
    service.succession.hold({ kind, name, lease: session.lease, value }, asking, (place) => {
      if (!asking.finish(`owns with ${place.createRevision}`)) return;
      const { key, createRevision: token, lease, revision } = place;
      succession.entered({ key, token, lease, revision });
      succession.owns(name, key, token, since);
      this.#own(session, name, place, this.prng.between(0, 3));
    });
    if (!this.prng.chance(0.15)) return;
    this.later(this.pauseMs(), () => service.enter(() => asking.giveUp()));
  }

  #own(session: Session, name: string, place: Place, writes: number): void {
    // Whoever was away for long finds its token refused.
    const isAway = this.prng.chance(0.1);
    this.later(isAway ? session.ttlMs * 2 : this.pauseMs(), () => {
      const service = this.anyService();
      if (this.isOver || service === undefined) {
        this.start();
        return;
      }
      const goOn = (): void => {
        if (writes > 0) this.#own(session, name, place, writes - 1);
        else this.#release(service, session, place);
      };
      const asking = this.#ask(service, `write under ${place.createRevision}`, goOn);
      const token = encodeValue(place.createRevision, 0);
      // "lock/a" guards "guarded/a".
      const write = putOf(`guarded/${name.slice(5)}`, token, 0n);
      service.succession.guarded(place, [write], asking, (succeeded) => {
        if (asking.finish(succeeded ? "written" : "refused")) goOn();
      });
    });
  }

  #release(service: Service, session: Session, { key }: Place): void {
    const how = this.prng.pick(["unlock", "unlock", "revoke", "forget"]);
    session.isLost = true;
    if (how === "forget") this.start();
    else if (how === "unlock") {
      const gone = { kind: "deleteRange", key, rangeEnd: "", prevKv: false } as const;
      this.propose(service, gone, () => this.start());
    } else {
      this.context.checkers.leases.revoking(session.lease);
      this.propose(service, { kind: "leaseRevoke", lease: session.lease }, () => this.start());
    }
  }

  /** One call at a member, which ends with it. */
  #ask(
    service: Service,
    what: string,
    failed: () => void,
    refused: (code: SuccessionFault) => void = () => {},
  ): Call {
    let cancel: (() => void) | undefined;
    let cancelled = false;
    let isOpen = true;
    const told = this.once<string>(
      service,
      what,
      (answer) => {
        isOpen = false;
        if (answer === undefined || answer.startsWith("!")) failed();
      },
      (answer) => answer ?? "lost",
    );
    return {
      get cancelled() {
        return cancelled;
      },
      fail: (code) => {
        if (isOpen) refused(code);
        told(`!${code}`);
      },
      propose: (command, done) => service.propose(command, done),
      refusesRange: () => undefined,
      onCancel: (run) => {
        cancel = run;
      },
      finish: (answer) => {
        const wasOpen = isOpen;
        told(answer);
        return wasOpen;
      },
      giveUp: () => {
        if (!isOpen) return;
        cancelled = true;
        cancel?.();
        told("!given up");
      },
    };
  }
}

interface Call extends Claimant {
  fail(code: SuccessionFault): void;
  /** False when it was over already. */
  finish(answer: string): boolean;
  giveUp(): void;
}
