import assert from "node:assert/strict";
import { test } from "node:test";
import { MemberError, type ProposeOutcome } from "@althing/member";
import {
  type AuthCaller,
  type AuthChange,
  authorizeCommand,
  createMemoryEngine,
  encodeCommand,
  openStore,
  type Result,
} from "@althing/store";
import { certainly, proposeFor, type SeenCaller } from "./caller-proposals.ts";

type Fault = "userEmpty" | "tokenInvalid";

/** A log, and a member that has applied it up to some place: what it reads and writes brings it up to date. */
class Lagging {
  readonly store = openStore({ engine: createMemoryEngine() });
  readonly log: Uint8Array[] = [];
  readonly proposed: Uint8Array[] = [];
  /** What others write just before the next proposal of this member gets its place. */
  overtaking: AuthChange[] = [];
  hasLeader = true;

  /** Elsewhere. */
  write(...changes: AuthChange[]): void {
    for (const change of changes) {
      const command = encodeCommand({ kind: "auth", change });
      this.log.push(authorizeCommand({ user: "root", authRevision: 1000 }, command));
    }
  }

  catchUp(): Result | undefined {
    let result: Result | undefined;
    while (this.store.appliedIndex < this.log.length) {
      const index = this.store.appliedIndex + 1;
      const point = { index, epoch: 1, proposer: "", leaderTimeMs: 0 };
      result = this.store.apply(this.log[index - 1]!, point);
    }
    return result;
  }

  propose(command: Uint8Array, done: (outcome: ProposeOutcome<Result>) => void): void {
    this.write(...this.overtaking.splice(0, 1));
    this.log.push(command);
    this.proposed.push(command);
    done({ kind: "applied", result: this.catchUp()!, index: this.log.length });
  }

  read(done: (error: MemberError | undefined) => void): void {
    if (!this.hasLeader) {
      done(new MemberError("noLeader", "notExecuted", "there is no leader"));
      return;
    }
    this.catchUp();
    done(undefined);
  }
}

const addUser = (user: string): AuthChange => ({
  kind: "addUser",
  user,
  password: "hash",
  hasPassword: true,
});
const founding: AuthChange[] = [
  addUser("root"),
  { kind: "grantRole", user: "root", role: "root" },
  addUser("u"),
  { kind: "addRole", role: "r" },
  {
    kind: "grantPermission",
    role: "r",
    permission: { kind: "readWrite", key: "k", rangeEnd: "" },
  },
  { kind: "grantRole", user: "u", role: "r" },
];
const put = encodeCommand({
  kind: "put",
  key: "k",
  value: new Uint8Array(0),
  lease: 0n,
  prevKv: false,
  ignoreValue: false,
  ignoreLease: false,
});

function founded(...more: AuthChange[]): Lagging {
  const member = new Lagging();
  member.write(...founding, ...more);
  member.catchUp();
  return member;
}

/** As a door sees who brings this user's token, or none. */
function seenAs(member: Lagging, user: string): () => SeenCaller<Fault> {
  return () => {
    const { auth } = member.store;
    if (!auth.enabled) return undefined;
    if (user === "") return "userEmpty";
    return auth.user(user) ? { user, authRevision: auth.revision } : "tokenInvalid";
  };
}

function outcomeOf(
  member: Lagging,
  caller: () => SeenCaller<Fault>,
  command = put,
  neverUnnamed = false,
): string {
  let told = "";
  proposeFor(member, { caller, neverUnnamed }, command, (outcome) => {
    assert.equal(told, "", "it is told once");
    if (outcome.kind === "failed") told = `failed: ${outcome.error.code}`;
    else if (outcome.kind === "refused") told = `refused: ${outcome.code}`;
    else told = outcome.result.kind === "error" ? outcome.result.code : "done";
  });
  return told;
}

test("a member that has yet to apply that auth was disabled takes a write without a token", () => {
  const member = founded({ kind: "enable" });
  member.write({ kind: "disable" });
  assert.equal(outcomeOf(member, seenAs(member, "")), "done");
});

test("where nobody asks by the newest state, it is refused, and the log hears nothing of it", () => {
  const member = founded({ kind: "enable" });
  assert.equal(outcomeOf(member, seenAs(member, "")), "refused: userEmpty");
  assert.equal(outcomeOf(member, seenAs(member, "ghost")), "refused: tokenInvalid");
  assert.equal(member.proposed.length, 0);
  member.hasLeader = false;
  assert.equal(outcomeOf(member, seenAs(member, "")), "failed: noLeader");
});

test("a member that has yet to apply that auth was enabled writes for whom the token stands", () => {
  const member = founded();
  member.write({ kind: "enable" });
  assert.equal(outcomeOf(member, seenAs(member, "u")), "done");
  assert.equal(member.proposed.length, 2);
  const other = founded();
  other.write({ kind: "enable" });
  assert.equal(outcomeOf(other, seenAs(other, "")), "refused: userEmpty");
});

test("a command that a change of auth overtakes is made anew, and judged by what is permitted then", () => {
  const member = founded({ kind: "enable" });
  member.write({ kind: "addRole", role: "other" });
  assert.equal(outcomeOf(member, seenAs(member, "u")), "done");
  member.write({ kind: "revokeRole", user: "u", role: "r" });
  assert.equal(outcomeOf(member, seenAs(member, "u")), "permissionDenied");
  member.write({ kind: "deleteUser", user: "u" });
  assert.equal(outcomeOf(member, seenAs(member, "u")), "refused: tokenInvalid");
});

test("it is made anew a few times and not for ever", () => {
  const member = founded({ kind: "enable" });
  for (let i = 0; i < 20; i++) member.overtaking.push({ kind: "addRole", role: `r${i}` });
  assert.equal(outcomeOf(member, seenAs(member, "u")), "authRevisionOld");
  assert.equal(member.proposed.length, 5);
});

test("a token that names its own revision is too old once, not again and again", () => {
  const member = founded({ kind: "enable" });
  const caller: AuthCaller = { user: "u", authRevision: member.store.auth.revision };
  member.write({ kind: "addRole", role: "other" });
  assert.equal(
    outcomeOf(member, () => caller),
    "authRevisionOld",
  );
  assert.equal(member.proposed.length, 1);
});

test("what members propose of their own accord is never taken for theirs when a client asks", () => {
  const member = founded();
  member.write({ kind: "enable" });
  const compact = encodeCommand({ kind: "compact", revision: 1 });
  assert.equal(outcomeOf(member, seenAs(member, ""), compact, true), "refused: userEmpty");
  assert.equal(outcomeOf(member, seenAs(member, "u"), compact, true), "permissionDenied");
});

test("what is refused by an old view is looked at again, what is not is done at once", () => {
  const member = founded({ kind: "enable" });
  const told: unknown[] = [];
  const ask = () => {
    const refuses = () => (member.store.auth.enabled ? "userEmpty" : undefined);
    certainly(member, refuses, (refused, error) => told.push(error?.code ?? refused));
  };
  ask();
  member.write({ kind: "disable" });
  member.hasLeader = false;
  ask();
  member.hasLeader = true;
  ask();
  member.hasLeader = false;
  ask();
  assert.deepEqual(told, ["userEmpty", "noLeader", undefined, undefined]);
});
