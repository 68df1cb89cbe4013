// Changes who may do what, all the time: makes users and roles, grants and revokes, changes passwords, turns
// auth on and off, and asks for what must be refused. Like all who are not users of their own it acts as root.

import type { AuthChange, Permission } from "@althing/store";
import { Actor } from "./actor.ts";

export const userNames = ["u0", "u1", "u2", "u3"] as const;
const roleNames = ["r0", "r1", "r2"] as const;
/** Some touch, some overlap, one has no end. */
const places: readonly Pick<Permission, "key" | "rangeEnd">[] = [
  { key: "p", rangeEnd: "q" },
  { key: "p0", rangeEnd: "" },
  { key: "p0", rangeEnd: "p2" },
  { key: "p2", rangeEnd: "p4" },
  { key: "p1", rangeEnd: "p3" },
  { key: "p3", rangeEnd: "\0" },
];
const founding: readonly AuthChange[] = [
  addUser("root"),
  { kind: "grantRole", user: "root", role: "root" },
  ...userNames.slice(0, 3).map(addUser),
  ...roleNames.map((role) => ({ kind: "addRole", role }) as const),
  ...roleNames.map((role, at) => ({
    kind: "grantPermission" as const,
    role,
    permission: { kind: "readWrite" as const, ...places[at * 2]! },
  })),
  ...roleNames.map((role, at) => ({ kind: "grantRole", user: `u${at}`, role }) as const),
  { kind: "enable" },
];

export class Administrator extends Actor {
  #founded = 0;
  #serial = 0;

  start(): void {
    const isFounding = this.#founded < founding.length;
    this.later(this.pauseMs(isFounding ? 0.1 : 1), () => {
      if (this.isOver) return;
      const service = this.anyService();
      const change = founding[this.#founded] ?? this.#drawChange();
      if (service === undefined) this.start();
      else {
        this.propose(service, { kind: "auth", change }, (answer) => {
          if (answer?.kind === "applied") this.#founded++;
          this.start();
        });
      }
    });
  }

  #drawChange(): AuthChange {
    const user = this.prng.chance(0.1) ? "root" : this.prng.pick(userNames);
    const role = this.prng.chance(0.1) ? "root" : this.prng.pick(roleNames);
    const place = this.prng.pick(places);
    const permission = this.prng.pick(["read", "write", "readWrite", "readWrite"] as const);
    return this.prng.weighted<AuthChange>([
      [4, { kind: "enable" }],
      [1, { kind: "disable" }],
      [2, addUser(user)],
      [1, { kind: "deleteUser", user }],
      [1, { kind: "changePassword", user, password: `other ${++this.#serial}` }],
      [6, { kind: "grantRole", user, role }],
      [4, { kind: "revokeRole", user, role }],
      [2, { kind: "addRole", role }],
      [1, { kind: "deleteRole", role }],
      [6, { kind: "grantPermission", role, permission: { kind: permission, ...place } }],
      [4, { kind: "revokePermission", role, ...place }],
    ]);
  }
}

/** What a password hashes to is the door's concern. */
function addUser(user: string): AuthChange {
  return { kind: "addUser", user, password: `of ${user}`, hasPassword: user !== "u2" };
}
