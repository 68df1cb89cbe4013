// Works with the cluster as one user after the other, or as nobody: logs in, writes, reads, watches and holds
// leases with a token that may be older than its rights. What it asks for and gets goes through the code that
// the doors use, and is judged by what its rights were in the state that decided.

import { type CallerOutcome, certainly } from "@althing/service";
import {
  type Command,
  encodeCommand,
  type HeldRight,
  type PutCommand,
  plainRange,
  type StoreEvent,
  type TxnCommand,
  Watcher,
  type WatchSink,
} from "@althing/store";
import { type Asked, type Session, seen } from "../../checkers/rights.ts";
import { encodeValue } from "../../observe/reference.ts";
import type { Service } from "../service.ts";
import { Actor, drawLease } from "./actor.ts";
import { userNames } from "./administrator.ts";

const keys = ["p0", "p1", "p2", "p3", "p4"] as const;
const ranges = [
  ...keys.map((key) => ({ key, rangeEnd: "" })),
  { key: "p0", rangeEnd: "p3" },
  { key: "p2", rangeEnd: "p4" },
  { key: "p3", rangeEnd: "\0" },
  { key: "p", rangeEnd: "q" },
];

type Range = (typeof ranges)[number];

export class UserActor extends Actor {
  #session: Session = { user: "", authRevision: 0, isFixed: false };
  #serial = 0;
  #value = 0;
  #watch: UserWatch | undefined;

  start(): void {
    this.later(this.pauseMs(0.5), () => {
      if (this.isOver) return;
      const service = this.anyService();
      if (service === undefined) {
        this.start();
        return;
      }
      service.enter(() =>
        this.context.checkers.rights.stands(`m${service.machine}`, service.store),
      );
      this.prng.weighted<() => void>([
        [3, () => this.#logIn(service)],
        [6, () => this.#write(service, this.#drawWrite(service))],
        [4, () => this.#read(service)],
        [2, () => this.#openWatch(service)],
      ])();
    });
  }

  /** Whoever it may become need not be a user at all. */
  #logIn(service: Service): void {
    const user = this.prng.weighted<string>([
      [8, this.prng.pick(userNames)],
      [1, "root"],
      [2, ""],
    ]);
    const isFixed = this.prng.chance(0.3);
    this.read(service, `log in as ${user}`, (isTrue) => {
      if (!isTrue) {
        this.start();
        return;
      }
      const authRevision = service.store.auth.revision;
      this.#session = { user, authRevision, isFixed };
      const secret = `${this.plan.id} ${++this.#serial}`;
      const change = { kind: "authenticate", user, secret, authRevision } as const;
      // As the door does it: whoever asks for a token has none.
      this.#propose(
        service,
        { kind: "auth", change },
        () => undefined,
        () => this.start(),
      );
    });
  }

  #write(service: Service, command: Command): void {
    const { rights, leases } = this.context.checkers;
    const session = this.#session;
    if (command.kind === "leaseRevoke") leases.revoking(command.lease);
    const asked = rights.asks(session, this.#value);
    this.#value = 0;
    this.#propose(
      service,
      command,
      () => this.#seenAt(service, session),
      (outcome) => {
        if (outcome !== undefined) rights.answered(asked, outcome);
        this.start();
      },
    );
  }

  #propose(
    service: Service,
    command: Command,
    caller: () => ReturnType<typeof seen>,
    done: (outcome: CallerOutcome<string> | undefined) => void,
  ): void {
    const told = this.once(service, `${this.#session.user}: ${command.kind}`, done, describe);
    const asking = { caller, neverUnnamed: command.kind === "leaseRevoke" };
    service.proposeFor(asking, encodeCommand(command), told);
  }

  #drawWrite(service: Service): Command {
    const range = this.prng.pick(ranges);
    const prevKv = this.prng.chance(0.3);
    const someLease = (): bigint => {
      const all = service.store.leases();
      return all.length === 0 ? drawLease(this.prng) : this.prng.pick(all).lease;
    };
    return this.prng.weighted<() => Command>([
      [6, () => this.#putOf(this.prng.chance(0.3) ? someLease() : 0n, prevKv)],
      [2, () => ({ kind: "deleteRange", ...range, prevKv })],
      [4, () => this.#drawTxn()],
      [2, () => ({ kind: "leaseGrant", lease: drawLease(this.prng), ttlSeconds: 2 })],
      [1, () => ({ kind: "leaseRevoke", lease: someLease() })],
    ])();
  }

  /** Only one branch will be taken, and both are judged. */
  #drawTxn(): TxnCommand {
    const key = this.prng.pick(keys);
    const isThere = { key, rangeEnd: "", result: "equal", target: "create", value: 0 } as const;
    const read = { kind: "range", ...plainRange(this.prng.pick(keys)) } as const;
    const other = this.prng.pick(ranges);
    const put = this.#putOf(0n, false);
    return {
      kind: "txn",
      compares: this.prng.chance(0.7) ? [isThere] : [],
      success: [put, ...(this.prng.chance(0.3) ? [read] : [])],
      // Known by the same value, whichever is taken.
      failure: this.prng.chance(0.5)
        ? [put, { kind: "deleteRange", key: "p9", rangeEnd: "", prevKv: false }]
        : [
            { ...put, key: this.prng.pick(keys) },
            { kind: "range", ...plainRange(other.key, other.rangeEnd) },
          ],
    };
  }

  #putOf(lease: bigint, prevKv: boolean): PutCommand {
    this.#value = this.plan.id * 1_000_000 + ++this.#serial;
    const flags = { prevKv, ignoreValue: false, ignoreLease: false };
    const key = this.prng.pick(keys);
    return { kind: "put", key, value: encodeValue(this.#value, 0), lease, ...flags };
  }

  /** Linearizable: judged by the very state that is read. */
  #read(service: Service): void {
    const range = this.prng.pick(ranges);
    const asked = this.context.checkers.rights.asks(this.#session);
    this.read(service, `read ${range.key}`, (isTrue) => {
      if (isTrue) this.#judge(service, asked, range);
      this.start();
    });
  }

  #openWatch(service: Service): void {
    const { rights } = this.context.checkers;
    const range = this.prng.pick(ranges);
    const asked = rights.asks(this.#session);
    this.#watch?.end();
    this.#watch = undefined;
    // The door lets nobody in by an old view, and turns nobody away by one.
    const refuses = () => this.#refusesRange(service, asked.session, range);
    const told = this.once<string>(
      service,
      `watch ${range.key}`,
      (answer) => {
        if (answer === "opened") this.#watch = this.#watchOf(service, asked.session, range);
        this.start();
      },
      (answer) => answer ?? "lost",
    );
    service.enter(() => {
      certainly(service, refuses, (refused, error) => {
        const { appliedIndex } = service.store;
        if (refused !== undefined) rights.read(asked, range, appliedIndex, refused);
        told(error?.code ?? refused ?? "opened");
      });
    });
  }

  #watchOf(service: Service, session: Session, range: Range): UserWatch {
    const { revision } = service.store;
    const { rights } = this.context.checkers;
    return new UserWatch(service, range, {
      next: this.prng.pick([revision + 1, 1 + this.prng.below(revision)]),
      caller: () => this.#seenAt(service, session),
      handed: (at, count) => {
        this.heard(`${count} events at ${at}`, at, count);
        rights.handed(session, range, service.store.appliedIndex);
      },
      ended: (why) => {
        this.heard(`watch ended: ${why}`, service.store.appliedIndex, 0);
        rights.ended(session, range, service.store.appliedIndex, why);
      },
    });
  }

  #judge(service: Service, asked: Asked, range: Range): void {
    const refused = this.#refusesRange(service, asked.session, range);
    this.context.checkers.rights.read(asked, range, service.store.appliedIndex, refused);
  }

  #refusesRange(service: Service, session: Session, { key, rangeEnd }: Range): string | undefined {
    const caller = this.#seenAt(service, session);
    if (typeof caller !== "object") return caller;
    return service.store.auth.refusesRange(key, rangeEnd, caller);
  }

  #seenAt({ store }: Service, session: Session): ReturnType<typeof seen> {
    return seen(session, store.auth, (caller) => store.auth.isRevoked(caller));
  }
}

interface UserWatchEvents {
  readonly next: number;
  readonly caller: () => ReturnType<typeof seen>;
  readonly handed: (revision: number, count: number) => void;
  readonly ended: (why: string) => void;
}

/** Of somebody who was let in just now; ends with the right to it, as at the door. */
class UserWatch implements WatchSink {
  readonly #service: Service;
  readonly #told: UserWatchEvents;
  readonly #watcher: Watcher;
  readonly #held: HeldRight;
  readonly #forget: () => void;
  #isOver = false;

  constructor(service: Service, range: Range, told: UserWatchEvents) {
    this.#service = service;
    this.#told = told;
    this.#forget = service.onDeath(() => {
      this.#isOver = true;
    });
    const options = { ...range, prevKv: false, puts: true, deletes: true };
    this.#watcher = new Watcher(1n, options, this, told.next);
    this.#held = service.watchRights.hold({
      ...range,
      caller: told.caller,
      ended: (why) => {
        told.ended(why);
        this.end();
      },
    });
    service.hub.add(this.#watcher);
  }

  events(_: Watcher, revision: number, events: readonly StoreEvent[]): boolean {
    if (!this.#service.watchRights.review()) this.#held.check();
    if (!this.#isOver) this.#told.handed(revision, events.length);
    return true;
  }

  compacted(): void {
    this.end();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#forget();
    this.#held.forget();
    this.#service.hub.remove(this.#watcher);
    this.#service.hub.forget(this);
  }
}

function describe(outcome: CallerOutcome<string> | undefined): string {
  if (outcome === undefined) return "lost";
  if (outcome.kind === "refused") return `refused: ${outcome.code}`;
  if (outcome.kind === "failed") return `${outcome.error.code}, ${outcome.error.outcome}`;
  const { result, index } = outcome;
  return `${result.kind === "error" ? result.code : result.kind} at index ${index}`;
}
