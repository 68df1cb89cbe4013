// Users, roles and what they permit, told a second time and in the plainest way: each change makes a new view,
// and every view is kept by the index from which it held. Whatever the store, a door or a watch decides is
// compared with what the view of that place in the log says.

import type {
  AuthCaller,
  AuthChange,
  AuthName,
  Command,
  Key,
  LeaseId,
  Permission,
  TxnOp,
} from "@althing/store";

interface User {
  readonly password: string;
  readonly hasPassword: boolean;
  readonly roles: readonly AuthName[];
  readonly since: number;
}

/** One state of auth. */
export interface AuthView {
  readonly enabled: boolean;
  readonly revision: number;
  /** No caller of an older revision counts. */
  readonly since: number;
  readonly users: ReadonlyMap<AuthName, User>;
  readonly roles: ReadonlyMap<AuthName, readonly Permission[]>;
}

type Refusal = string | undefined;

const root = "root";
const nobody: AuthCaller = { user: "", authRevision: 0 };

export class AuthModel {
  readonly #views: { readonly index: number; readonly view: AuthView }[] = [
    {
      index: 0,
      view: { enabled: false, revision: 1, since: 0, users: new Map(), roles: new Map() },
    },
  ];
  readonly #owners = new Map<LeaseId, AuthName>();

  get view(): AuthView {
    return this.viewAt(Number.POSITIVE_INFINITY);
  }

  /** After the entry at `index`. */
  viewAt(index: number): AuthView {
    return this.viewsFrom(index, index)[0] as AuthView;
  }

  /** That after `from`, and all that followed up to `to`. */
  viewsFrom(from: number, to: number): AuthView[] {
    const first = this.#views.findLastIndex((one) => one.index <= from);
    return this.#views
      .slice(first)
      .filter((one, at) => at === 0 || one.index <= to)
      .map(({ view }) => view);
  }

  granted(lease: LeaseId, caller: AuthCaller | undefined): void {
    if (this.view.enabled && caller !== undefined) this.#owners.set(lease, caller.user);
  }

  ended(lease: LeaseId): void {
    this.#owners.delete(lease);
  }

  /** The entry at `index` changes auth, or is refused. */
  change(index: number, change: AuthChange): Refusal {
    const outcome = changed(this.view, change);
    if (typeof outcome === "string") return outcome;
    if (outcome !== this.view) this.#views.push({ index, view: outcome });
    return undefined;
  }

  /** `caller` undefined: the command came without one. */
  refuses(
    command: Command,
    caller: AuthCaller | undefined,
    keysOf: (lease: LeaseId) => readonly Key[],
  ): Refusal {
    if (!this.view.enabled || (caller === undefined && isOfTheCluster(command))) return undefined;
    return this.#refusesOp(command, caller ?? nobody, keysOf);
  }

  #refusesOp(
    op: Command | TxnOp,
    caller: AuthCaller,
    keysOf: (lease: LeaseId) => readonly Key[],
  ): Refusal {
    const { view } = this;
    const access = (kind: "read" | "write", key: Key, end: Key) =>
      refusesAccess(view, caller, kind, key, end);
    switch (op.kind) {
      case "range":
        return access("read", op.key, op.rangeEnd);
      case "put":
        return (
          access("write", op.key, "") ??
          (op.lease === 0n ? undefined : this.#refusesLease(op.lease, caller, keysOf)) ??
          (op.prevKv ? access("read", op.key, "") : undefined)
        );
      case "deleteRange":
        return (
          access("write", op.key, op.rangeEnd) ??
          (op.prevKv ? access("read", op.key, op.rangeEnd) : undefined)
        );
      case "txn": {
        const refused = refusesKnown(view, caller);
        if (refused !== undefined || isRoot(view, caller.user)) return refused;
        return (
          firstOf(op.compares, ({ key, rangeEnd }) => access("read", key, rangeEnd)) ??
          firstOf([...op.success, ...op.failure], (one) => this.#refusesOp(one, caller, keysOf))
        );
      }
      case "leaseGrant":
        return refusesUser(view, caller);
      case "leaseRevoke":
        return this.#refusesLease(op.lease, caller, keysOf);
      case "auth":
        return op.change.kind === "authenticate" ? undefined : refusesAdmin(view, caller);
      default:
        return refusesAdmin(view, caller);
    }
  }

  /** Whoever may end it, or hang a key on it, may write all that it would take along. */
  #refusesLease(
    lease: LeaseId,
    caller: AuthCaller,
    keysOf: (lease: LeaseId) => readonly Key[],
  ): Refusal {
    const { view } = this;
    const refused = refusesUser(view, caller);
    if (refused !== undefined || isRoot(view, caller.user)) return refused;
    const keys = keysOf(lease);
    if (keys.length > 0) {
      return firstOf(keys, (key) => refusesAccess(view, caller, "write", key, ""));
    }
    const owner = this.#owners.get(lease) ?? "";
    return owner === caller.user || !view.users.has(owner) ? undefined : "permissionDenied";
  }
}

/** What this caller showed counts no more. */
export function isRevoked(view: AuthView, { user, authRevision }: AuthCaller): boolean {
  return authRevision < view.since || authRevision < (view.users.get(user)?.since ?? 0);
}

export function refusesAccess(
  view: AuthView,
  caller: AuthCaller,
  kind: "read" | "write",
  key: Key,
  rangeEnd: Key,
): Refusal {
  const refused = refusesKnown(view, caller);
  if (refused !== undefined) return refused;
  const { user } = caller;
  if (isRoot(view, user)) return undefined;
  const ranges = (view.users.get(user)?.roles ?? [])
    .flatMap((role) => view.roles.get(role) ?? [])
    .filter((permission) => permission.kind === kind || permission.kind === "readWrite");
  const end = endOf(key, rangeEnd);
  // From grant to grant, as far as they reach.
  let at = key;
  while (at < end) {
    const next = ranges.find((one) => one.key <= at && endOf(one.key, one.rangeEnd) > at);
    if (next === undefined) return "permissionDenied";
    at = endOf(next.key, next.rangeEnd);
  }
  return undefined;
}

export function describeView({ enabled, revision, users, roles }: AuthView): string {
  const who = [...users].map(([name, user]) => {
    const { password, hasPassword, since } = user;
    return `${name}: ${[...user.roles].sort().join(" ")}, ${hasPassword} ${password}, ${since}`;
  });
  const what = [...roles].map(([name, permissions]) => {
    const texts = permissions.map(({ kind, key, rangeEnd }) => `${key} ${rangeEnd} ${kind}`);
    return `${name}: ${texts.sort().join(", ")}`;
  });
  return [`${enabled} ${revision}`, ...who.sort(), ...what.sort()].join("; ");
}

/** The view after it; the same one where nothing changes; or why it is refused. */
function changed(view: AuthView, change: AuthChange): AuthView | string {
  const revision = view.revision + 1;
  const withUser = (name: AuthName, user: User): AuthView => {
    return { ...view, revision, users: new Map([...view.users, [name, user]]) };
  };
  const withRole = (name: AuthName, permissions: readonly Permission[]): AuthView => {
    return { ...view, revision, roles: new Map([...view.roles, [name, permissions]]) };
  };
  switch (change.kind) {
    case "enable": {
      const user = view.users.get(root);
      if (view.enabled) return view;
      if (user === undefined) return "rootUserMissing";
      return user.roles.includes(root) ? { ...view, enabled: true } : "rootRoleMissing";
    }
    case "disable":
      return view.enabled ? { ...view, enabled: false, revision, since: revision } : view;
    case "authenticate":
      if (!view.enabled) return "authNotEnabled";
      if (!view.users.has(change.user)) return "authFailed";
      return change.authRevision === view.revision ? view : "authRevisionOld";
    case "addUser": {
      if (view.users.has(change.user)) return "userExists";
      const { user, password, hasPassword } = change;
      return withUser(user, { password, hasPassword, roles: [], since: revision });
    }
    case "addRole":
      return view.roles.has(change.role) ? "roleExists" : withRole(change.role, []);
    case "deleteRole": {
      if (view.enabled && change.role === root) return "authManagementInvalid";
      if (!view.roles.has(change.role)) return "roleNotFound";
      const rest = (names: readonly AuthName[]) => names.filter((one) => one !== change.role);
      return {
        ...view,
        revision,
        roles: new Map([...view.roles].filter(([name]) => name !== change.role)),
        users: new Map([...view.users].map(([name, u]) => [name, { ...u, roles: rest(u.roles) }])),
      };
    }
    case "grantPermission":
    case "revokePermission": {
      const permissions = view.roles.get(change.role);
      if (permissions === undefined) return "roleNotFound";
      const place = change.kind === "grantPermission" ? change.permission : change;
      const others = permissions.filter(
        (one) => one.key !== place.key || one.rangeEnd !== place.rangeEnd,
      );
      if (change.kind === "grantPermission") {
        return withRole(change.role, [...others, change.permission]);
      }
      if (others.length === permissions.length) return "permissionNotGranted";
      return withRole(change.role, others);
    }
    default:
      return changedUser(view, change, withUser);
  }
}

function changedUser(
  view: AuthView,
  change: Extract<
    AuthChange,
    { kind: "deleteUser" | "changePassword" | "grantRole" | "revokeRole" }
  >,
  withUser: (name: AuthName, user: User) => AuthView,
): AuthView | string {
  const name = change.user;
  const revision = view.revision + 1;
  if (view.enabled && name === root) {
    const isNeeded = change.kind === "deleteUser";
    const isItsRole = change.kind === "revokeRole" && change.role === root;
    if (isNeeded || isItsRole) return "authManagementInvalid";
  }
  const user = view.users.get(name);
  if (user === undefined) return "userNotFound";
  switch (change.kind) {
    case "deleteUser":
      return {
        ...view,
        revision,
        users: new Map([...view.users].filter(([one]) => one !== name)),
      };
    case "changePassword": {
      const password = user.hasPassword ? change.password : user.password;
      return withUser(name, { ...user, password, since: revision });
    }
    case "grantRole":
      if (change.role !== root && !view.roles.has(change.role)) return "roleNotFound";
      if (user.roles.includes(change.role)) return view;
      return withUser(name, { ...user, roles: [...user.roles, change.role] });
    case "revokeRole":
      if (!user.roles.includes(change.role)) return "roleNotGranted";
      return withUser(name, { ...user, roles: user.roles.filter((one) => one !== change.role) });
  }
}

/** Whoever asks about keys is judged by the present state only. */
function refusesKnown(view: AuthView, { user, authRevision }: AuthCaller): Refusal {
  if (user === "") return "userEmpty";
  if (authRevision !== view.revision) return "authRevisionOld";
  return view.users.has(user) ? undefined : "permissionDenied";
}

function refusesUser(view: AuthView, caller: AuthCaller): Refusal {
  if (caller.user === "") return "userEmpty";
  if (!view.users.has(caller.user)) return "permissionDenied";
  return isRevoked(view, caller) ? "authRevisionOld" : undefined;
}

function refusesAdmin(view: AuthView, caller: AuthCaller): Refusal {
  if (caller.user === "") return "userEmpty";
  if (!isRoot(view, caller.user)) return "permissionDenied";
  return isRevoked(view, caller) ? "authRevisionOld" : undefined;
}

function isRoot(view: AuthView, user: AuthName): boolean {
  return view.users.get(user)?.roles.includes(root) === true;
}

/** What members propose of their own accord. */
function isOfTheCluster({ kind, ...command }: Command): boolean {
  if (kind === "auth") return "change" in command && command.change.kind === "authenticate";
  return !["put", "deleteRange", "txn", "leaseGrant"].includes(kind);
}

function endOf(key: Key, rangeEnd: Key): Key {
  if (rangeEnd === "") return `${key}\0`;
  return rangeEnd === "\0" ? "\u0100" : rangeEnd;
}

function firstOf<T>(all: readonly T[], refuses: (one: T) => Refusal): Refusal {
  for (const one of all) {
    const refused = refuses(one);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
