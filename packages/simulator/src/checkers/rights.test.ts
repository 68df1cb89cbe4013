import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AuthChange,
  authorizeCommand,
  type Command,
  createMemoryEngine,
  decodeCommand,
  encodeCommand,
  openStore,
} from "@althing/store";
import { encodeValue, Reference } from "../observe/reference.ts";
import { Rights, type Session } from "./rights.ts";
import { Verdicts } from "./verdicts.ts";

const founding: readonly AuthChange[] = [
  { kind: "addUser", user: "root", password: "", hasPassword: true },
  { kind: "grantRole", user: "root", role: "root" },
  { kind: "addUser", user: "u", password: "", hasPassword: true },
  { kind: "addRole", role: "r" },
  {
    kind: "grantPermission",
    role: "r",
    permission: { kind: "readWrite", key: "p0", rangeEnd: "p2" },
  },
  { kind: "grantRole", user: "u", role: "r" },
  { kind: "enable" },
];
const range = { key: "p0", rangeEnd: "p2" };

/** A store, the reference beside it, and the checker over both; auth is enabled, `u` may [p0, p2). */
class Bench {
  readonly verdicts = new Verdicts(() => {});
  readonly reference = new Reference(this.verdicts);
  readonly rights = new Rights(this.verdicts, this.reference);
  readonly store = openStore({ engine: createMemoryEngine() });

  constructor() {
    for (const change of founding) this.change(change);
  }

  get session(): Session {
    return { user: "u", authRevision: this.store.auth.revision, isFixed: false };
  }

  change(change: AuthChange): void {
    this.apply({ kind: "auth", change }, "root");
  }

  apply(command: Command, user: string, authRevision = this.store.auth.revision) {
    const bytes = authorizeCommand({ user, authRevision }, encodeCommand(command));
    const index = this.store.appliedIndex + 1;
    const result = this.store.apply(bytes, { index, epoch: 1, proposer: "", leaderTimeMs: 0 });
    this.reference.applied("m0", index, bytes, result, decodeCommand);
    return { kind: "applied", result, index } as const;
  }
}

function put(key: string, value: number): Command {
  const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
  return { kind: "put", key, value: encodeValue(value, 0), lease: 0n, ...flags };
}

const revoke: AuthChange = { kind: "revokeRole", user: "u", role: "r" };

test("what is judged by the state of its place is no violation", () => {
  const bench = new Bench();
  const { rights, session, reference } = bench;
  const asked = rights.asks(session, 7);
  rights.answered(asked, bench.apply(put("p1", 7), "u"));
  rights.answered(rights.asks(session, 8), bench.apply(put("p2", 8), "u"));
  rights.read(rights.asks(session), range, reference.index, undefined);
  rights.handed(session, range, reference.index);
  bench.change(revoke);
  rights.ended(session, range, reference.index, "permissionDenied");
  rights.read(rights.asks(session), range, reference.index, "permissionDenied");
  rights.stands("m0", bench.store);
  assert.deepEqual(bench.verdicts.violations, []);
});

const broken: Record<string, (bench: Bench, rights: Rights, session: Session) => void> = {
  "a read by a state in which it may not": (bench, rights, session) => {
    bench.change(revoke);
    rights.read(rights.asks(session), range, bench.reference.index, undefined);
  },
  "a read of an older state than was committed": (bench, rights, session) => {
    rights.read(rights.asks(session), range, bench.reference.index - 1, undefined);
  },
  "an event after the right to it": (bench, rights, session) => {
    bench.change(revoke);
    rights.handed(session, range, bench.reference.index);
  },
  "a watch that ends though it may be": (bench, rights, session) => {
    rights.ended(session, range, bench.reference.index, "revoked");
  },
  "a refusal that no state says": (_, rights, session) => {
    rights.answered(rights.asks(session, 7), { kind: "refused", code: "tokenInvalid" });
  },
  "a refusal of what was done": (bench, rights, session) => {
    const { index } = bench.apply(put("p1", 7), "u");
    const result = { kind: "error", code: "permissionDenied", revision: 1 } as const;
    rights.answered(rights.asks(session), { kind: "applied", result, index });
  },
  "an effect of what was refused": (bench, rights, session) => {
    const result = bench.apply(put("p1", 7), "u", 1);
    rights.answered(rights.asks({ ...session, isFixed: true }, 7), result);
    bench.apply(put("p1", 7), "u");
  },
  "a command that was overtaken and not made anew": (bench, rights, session) => {
    const asked = rights.asks(session, 7);
    rights.answered(asked, bench.apply(put("p1", 7), "u", 1));
  },
  "a success that is not there": (bench, rights, session) => {
    const answer = bench.apply(put("p1", 6), "u");
    rights.answered(rights.asks(session, 7), answer);
  },
  "another state of auth": (bench, rights) => {
    const { store } = bench;
    rights.stands("m0", { appliedIndex: 3, auth: store.auth, observeTokens() {} });
  },
  "another answer than the model's": (bench) => {
    const bytes = authorizeCommand({ user: "u", authRevision: 1 }, encodeCommand(put("p0", 1)));
    const result = { kind: "put", revision: 2, prevKv: undefined } as const;
    bench.reference.applied("m0", bench.reference.index + 1, bytes, result, decodeCommand);
  },
};

for (const [what, breakIt] of Object.entries(broken)) {
  test(`found: ${what}`, () => {
    const bench = new Bench();
    breakIt(bench, bench.rights, bench.session);
    assert.equal(bench.verdicts.clean, false);
  });
}
