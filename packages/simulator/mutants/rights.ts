// Mutants of users and their rights: how a command, a read and a watch are judged, and by which state.

import type { Mutant } from "./mutant.ts";

const auth = "packages/store/src/auth/replicated-auth.ts";
const proposals = "packages/service/src/callers/caller-proposals.ts";
const rights = "packages/store/src/watch/watch-rights.ts";
const flags = ["--actors", "administrator,user"];

export const rightsMutants: readonly Mutant[] = [
  {
    name: "auth-revision-not-compared",
    about: "a command counts by whatever state of auth its caller was seen",
    edits: [
      {
        file: auth,
        find: 'if (authRevision !== this.revision) return "authRevisionOld";',
        replace: "void authRevision;",
      },
    ],
    flags,
  },
  {
    name: "revoked-role-still-counts",
    about: "what was permitted to a user once is remembered whatever changes",
    edits: [{ file: auth, find: "    this.#permitted.clear();\n", replace: "" }],
    flags,
  },
  {
    name: "auth-forgotten-by-restart",
    about: "a restart does not know which permissions a role has",
    edits: [
      {
        file: auth,
        find: "engine.put(table, rolePrefix + name, out.written());",
        replace: "engine.put(table, rolePrefix + name, Uint8Array.of(0));",
      },
    ],
    flags: [...flags, "--faults", "crash"],
  },
  {
    name: "lease-taken-without-right",
    about: "a key may be hung on anybody's lease, whose end takes it along",
    edits: [
      {
        file: auth,
        find: "(op.lease === 0n ? undefined : this.#refusesAttaching(op.lease, caller)) ??",
        replace: "",
      },
    ],
    flags,
  },
  {
    name: "watch-outlives-its-right",
    about: "watches are judged again only when auth is enabled or disabled",
    edits: [
      {
        file: rights,
        find: "if (revision === this.#revision && enabled === this.#isEnabled) return",
        replace: "if (enabled === this.#isEnabled) return",
      },
    ],
    flags,
  },
  {
    name: "refused-by-a-stale-view",
    about: "who asks is nobody as soon as this member, which may lag behind, sees nobody",
    edits: [
      {
        file: proposals,
        find: '  if (typeof caller === "string") {\n    member.read((error) => {',
        replace:
          '  if (typeof caller === "string") {\n    ((told: (error: MemberError | undefined) => void) => told(undefined))((error) => {',
      },
    ],
    flags,
  },
  {
    name: "overtaken-command-not-made-anew",
    about: "a command that a change of auth overtook is refused, whatever its caller may",
    edits: [{ file: proposals, find: "attemptsLeft > 1 &&", replace: "attemptsLeft > 9 &&" }],
    flags,
  },
];
