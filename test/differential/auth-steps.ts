// Users, roles and grants, changed at random while requests are made in their names. What 3.4 lets through and
// later releases refuse would divide the two, so those requests are made by root alone.

import { key, type Operation, prefixEnd, rangeEnd } from "./operations.ts";
import type { Random } from "./random.ts";
import type { Credentials } from "./side.ts";
import type { Step } from "./step.ts";

export interface AuthKnown {
  /** Whether this sequence has any of it. */
  readonly isWanted: boolean;
  isEnabled: boolean;
  readonly passwords: Map<string, string>;
  readonly rootRoles: Set<string>;
  readonly root: Credentials | undefined;
}

export class Auth implements AuthKnown {
  readonly isWanted: boolean;
  isEnabled = false;
  readonly passwords = new Map<string, string>();
  readonly rootRoles = new Set<string>();

  constructor(isWanted: boolean) {
    this.isWanted = isWanted;
  }

  get root(): Credentials | undefined {
    const password = this.passwords.get("root");
    return this.isEnabled && password !== undefined ? { name: "root", password } : undefined;
  }

  /** Returns whether tokens given out before may have become worthless. */
  learn({ method, request }: Operation): boolean {
    const name = String(request["name"] ?? "");
    switch (method) {
      case "userAdd":
        this.passwords.set(name, String(request["password"] ?? ""));
        return false;
      case "userChangePassword":
        this.passwords.set(name, String(request["password"] ?? ""));
        return true;
      case "userDelete":
        this.passwords.delete(name);
        return true;
      case "authEnable":
        this.isEnabled = true;
        return true;
      case "authDisable":
        this.isEnabled = false;
        return true;
      default:
        return false;
    }
  }
}

const users = ["root", "ann", "bob", "cleo", "zed"];
const roles = ["root", "reader", "writer", "both"];
const passwords = ["a", "secret", "x".repeat(72)];

/** Whether someone without the role root may be sent with it: never with what releases judge differently. */
export function isForAnyone({ method, request }: Operation): boolean {
  if (method === "range" || method === "deleteRange") return true;
  if (method === "put") return request["lease"] === undefined;
  if (method !== "txn") return false;
  const ops = [
    ...((request["success"] ?? []) as object[]),
    ...((request["failure"] ?? []) as object[]),
  ];
  return ops.every((op) => {
    const put = (op as { request_put?: { lease?: unknown } }).request_put;
    return !("request_txn" in op) && put?.lease === undefined;
  });
}

export function callerOf(random: Random, auth: AuthKnown): Credentials | string | undefined {
  return random.weighted<Credentials | string | undefined>([
    [10, () => auth.root],
    [12, () => someone(random, auth)],
    [1, () => "nonsense"],
    [1, () => undefined],
  ]);
}

function someone(random: Random, auth: AuthKnown): Credentials | undefined {
  const others = [...auth.passwords.keys()].filter((name) => name !== "root");
  const name = random.pick(others.length > 0 ? others : ["root"]);
  return { name, password: auth.passwords.get(name) ?? "" };
}

export function authStep(random: Random, auth: AuthKnown): Step {
  const as = auth.isEnabled ? auth.root : undefined;
  const caller = auth.isEnabled && random.chance(0.1) ? callerOf(random, auth) : as;
  const operation = authOperation(random, auth);
  return {
    kind: "call",
    operation,
    at: random.below(6),
    ...(caller === undefined ? {} : { as: caller }),
  };
}

function authOperation(random: Random, auth: AuthKnown): Operation {
  const name = random.pick(users);
  const role = random.pick(roles);
  const password = random.pick(passwords);
  const isReady = auth.passwords.has("root");
  // First things first: without root nothing can be enabled.
  if (!isReady && random.chance(0.5))
    return { method: "userAdd", request: { name: "root", password } };
  if (!auth.isEnabled && isReady && random.chance(0.4)) {
    return { method: "userGrantRole", request: { user: "root", role: "root" } };
  }
  return random.weighted<Operation>([
    [6, () => ({ method: "userAdd", request: { name, password } })],
    [1, () => ({ method: "userAdd", request: { password } })],
    [4, () => ({ method: "userGet", request: { name } })],
    [3, () => ({ method: "userList", request: {} })],
    [2, () => ({ method: "userDelete", request: { name } })],
    [2, () => ({ method: "userChangePassword", request: { name, password } })],
    [8, () => ({ method: "userGrantRole", request: { user: name, role } })],
    [2, () => ({ method: "userRevokeRole", request: { name, role } })],
    [6, () => ({ method: "roleAdd", request: { name: role } })],
    [4, () => ({ method: "roleGet", request: { role } })],
    [3, () => ({ method: "roleList", request: {} })],
    [1, () => ({ method: "roleDelete", request: { role } })],
    [
      10,
      () => ({ method: "roleGrantPermission", request: { name: role, perm: permission(random) } }),
    ],
    [2, () => ({ method: "roleRevokePermission", request: { role, ...range(random) } })],
    [auth.isEnabled ? 1 : 16, () => ({ method: "authEnable", request: {} })],
    [1, () => ({ method: "authDisable", request: {} })],
    [3, () => ({ method: "authenticate", request: { name, password } })],
  ]);
}

function permission(random: Random): Operation["request"] {
  return { permType: random.below(3), ...range(random) };
}

/** Later releases refuse a range that is empty. */
function range(random: Random): Operation["request"] {
  const start = key({ random }) || "a";
  const end = rangeEnd({ random }, start);
  if (end === "") return { key: start };
  return { key: start, range_end: end > start || end === "\0" ? end : prefixEnd(start) };
}
