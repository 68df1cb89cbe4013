// Users, roles and permissions as the log tells: what is permitted, and how that changes. Every change
// that matters to a permission or a token counts up the revision. Refusals come in etcd's order. Long, because
// it is in one place that every change is judged by the same state.

import { ByteReader, ByteWriter } from "@althing/bytes";
import type {
  AuthCaller,
  AuthChange,
  AuthErrorCode,
  AuthName,
  AuthRole,
  AuthState,
  AuthUser,
  Command,
  Key,
  LeaseId,
  Permission,
  TokenChange,
  TxnCommand,
  TxnOp,
} from "../contract.ts";
import type { Engine, EngineWriter } from "../engine/port.ts";
import { readFlag, readPermission, writePermission } from "./change-codec.ts";
import { PermittedRanges } from "./permitted-ranges.ts";

const table = "auth";
const stateKey = "state";
const userPrefix = "user/";
const rolePrefix = "role/";
/** The user without whom auth cannot be enabled, and the role that permits everything. */
const root = "root";
/** A key of the store's table must have room for it. */
const authNameBytesMax = 512;

type Writer = EngineWriter & Pick<Engine, "delete">;
type Refusal = AuthErrorCode | undefined;

export class ReplicatedAuth implements AuthState {
  static readonly table = table;
  enabled = false;
  revision = 1;
  observer: ((change: TokenChange) => void) | undefined;
  /** What was shown before that revision counts no more, whoever showed it: auth was disabled since. */
  #since = 0;
  readonly #users = new Map<AuthName, AuthUser>();
  readonly #roles = new Map<AuthName, AuthRole>();
  /** By user; forgotten with every change. */
  readonly #permitted = new Map<AuthName, PermittedRanges>();
  /** Those that the command under way puts keys on, and what that is refused with. */
  readonly #judgedLeases = new Map<LeaseId, Refusal>();
  /** Set by the store, which knows the keys. */
  visitLeaseKeys: (lease: LeaseId, visit: (key: Key) => boolean) => void = () => {};
  /** The same of who was granted it; "": nobody in particular. */
  leaseOwner: (lease: LeaseId) => AuthName = () => "";

  static load(engine: Pick<Engine, "entries">): ReplicatedAuth {
    const auth = new ReplicatedAuth();
    for (const [key, value] of engine.entries(table)) auth.loadEntry(key, value);
    return auth;
  }

  loadEntry(key: Key, value: Uint8Array): void {
    const reader = new ByteReader(value);
    if (key === stateKey) {
      this.enabled = readFlag(reader);
      this.revision = reader.varint();
      // Not written by the first versions.
      this.#since = reader.atEnd ? 0 : reader.varint();
    } else if (key.startsWith(userPrefix)) {
      this.#users.set(key.slice(userPrefix.length), readUser(reader));
    } else if (key.startsWith(rolePrefix)) {
      this.#roles.set(key.slice(rolePrefix.length), readRole(reader));
    } else throw new Error(`the store holds an unknown auth entry ${key}`);
  }

  user(name: AuthName): AuthUser | undefined {
    return this.#users.get(name);
  }

  role(name: AuthName): AuthRole | undefined {
    return this.#roles.get(name);
  }

  users(): AuthName[] {
    return [...this.#users.keys()].sort();
  }

  roles(): AuthName[] {
    return [...this.#roles.keys()].sort();
  }

  isRevoked({ user, authRevision }: AuthCaller): boolean {
    return authRevision < Math.max(this.#since, this.#users.get(user)?.since ?? 0);
  }

  // ------------------------------------------------------------------------- who may do what

  refuses(command: Command | TxnOp, caller: AuthCaller): Refusal {
    if (!this.enabled) return undefined;
    this.#judgedLeases.clear();
    return this.#refuses(command, caller);
  }

  #refuses(op: Command | TxnOp, caller: AuthCaller): Refusal {
    switch (op.kind) {
      case "range":
        return this.refusesRange(op.key, op.rangeEnd, caller);
      case "put":
        return this.#refusesPut(op, caller);
      case "deleteRange":
        return (
          this.#refusesAccess("write", op.key, op.rangeEnd, caller) ??
          (op.prevKv ? this.#refusesAccess("read", op.key, op.rangeEnd, caller) : undefined)
        );
      case "txn":
        return this.#refusesKeys(caller) ?? this.#refusesTxn(op, caller);
      case "leaseGrant":
        return this.refusesUser(caller);
      case "leaseRevoke":
        return this.refusesLease(op.lease, "write", caller);
      case "auth":
        return op.change.kind === "authenticate" ? undefined : this.refusesAdmin(caller);
      case "compact":
      case "alarm":
      case "publishMember":
      case "removeMember":
      case "leaseCheckpoint":
        return this.refusesAdmin(caller);
    }
  }

  /** To write one key, without lease and without asking for what it was. */
  refusesWrite(key: Key, caller: AuthCaller): Refusal {
    return this.enabled ? this.#refusesAccess("write", key, "", caller) : undefined;
  }

  refusesRange(key: Key, rangeEnd: Key, caller: AuthCaller): Refusal {
    return this.enabled ? this.#refusesAccess("read", key, rangeEnd, caller) : undefined;
  }

  /** A command may name one lease any number of times, and any number of keys may hang on it. */
  #refusesAttaching(lease: LeaseId, caller: AuthCaller): Refusal {
    const judged = this.#judgedLeases;
    if (!judged.has(lease)) judged.set(lease, this.refusesLease(lease, "write", caller));
    return judged.get(lease);
  }

  refusesLease(lease: LeaseId, access: "read" | "write", caller: AuthCaller): Refusal {
    const refused = this.refusesUser(caller);
    if (!this.enabled || refused !== undefined || this.#isRoot(caller.user)) return refused;
    let denied: Refusal;
    let isEmpty = true;
    this.visitLeaseKeys(lease, (key) => {
      isEmpty = false;
      denied = this.#refusesAccess(access, key, "", caller);
      return denied === undefined;
    });
    if (!isEmpty || access === "read") return denied;
    // Nothing hangs on it that would say whose it is.
    const owner = this.leaseOwner(lease);
    return owner === caller.user || !this.#users.has(owner) ? undefined : "permissionDenied";
  }

  refusesUser(caller: AuthCaller): Refusal {
    if (!this.enabled) return undefined;
    if (caller.user === "") return "userEmpty";
    if (!this.#users.has(caller.user)) return "permissionDenied";
    return this.isRevoked(caller) ? "authRevisionOld" : undefined;
  }

  refusesAdmin(caller: AuthCaller): Refusal {
    if (!this.enabled) return undefined;
    if (caller.user === "") return "userEmpty";
    if (!this.#isRoot(caller.user)) return "permissionDenied";
    return this.isRevoked(caller) ? "authRevisionOld" : undefined;
  }

  /** Whoever asks about keys must be known, and by the present state. */
  #refusesKeys({ user, authRevision }: AuthCaller): Refusal {
    if (user === "") return "userEmpty";
    if (authRevision !== this.revision) return "authRevisionOld";
    return this.#users.has(user) ? undefined : "permissionDenied";
  }

  #refusesAccess(access: "read" | "write", key: Key, end: Key, caller: AuthCaller): Refusal {
    const refused = this.#refusesKeys(caller);
    if (refused !== undefined) return refused;
    const { user } = caller;
    if (this.#isRoot(user) || this.#permittedTo(user).permit(access, key, end)) return undefined;
    return "permissionDenied";
  }

  #refusesPut(
    op: { readonly key: Key; readonly lease: LeaseId; readonly prevKv: boolean },
    caller: AuthCaller,
  ): Refusal {
    return (
      this.#refusesAccess("write", op.key, "", caller) ??
      // Ending the lease will delete what hangs on it.
      (op.lease === 0n ? undefined : this.#refusesAttaching(op.lease, caller)) ??
      (op.prevKv ? this.#refusesAccess("read", op.key, "", caller) : undefined)
    );
  }

  /** Both branches, whichever will be taken, and what is nested in them. */
  #refusesTxn(txn: TxnCommand, caller: AuthCaller): Refusal {
    if (this.#isRoot(caller.user)) return undefined;
    for (const { key, rangeEnd } of txn.compares) {
      const refused = this.#refusesAccess("read", key, rangeEnd, caller);
      if (refused !== undefined) return refused;
    }
    for (const branch of [txn.success, txn.failure]) {
      for (const op of branch) {
        const refused = this.#refuses(op, caller);
        if (refused !== undefined) return refused;
      }
    }
    return undefined;
  }

  #isRoot(user: AuthName): boolean {
    return this.#users.get(user)?.roles.includes(root) === true;
  }

  #permittedTo(user: AuthName): PermittedRanges {
    let permitted = this.#permitted.get(user);
    if (permitted !== undefined) return permitted;
    permitted = new PermittedRanges();
    for (const role of this.#users.get(user)?.roles ?? []) {
      for (const permission of this.#roles.get(role)?.permissions ?? []) permitted.add(permission);
    }
    this.#permitted.set(user, permitted);
    return permitted;
  }

  // ---------------------------------------------------------------------------------- changes

  /** A refusal, or whether anything changed. `index` is the place in the log. */
  apply(engine: Writer, change: AuthChange, index: number): AuthErrorCode | boolean {
    switch (change.kind) {
      case "enable":
        return this.#enable(engine);
      case "disable":
        if (!this.enabled) return false;
        this.enabled = false;
        this.#since = this.revision + 1;
        this.observer?.({ kind: "allEnded" });
        return this.#changed(engine);
      case "authenticate":
        if (!this.enabled) return "authNotEnabled";
        if (!this.#users.has(change.user)) return "authFailed";
        if (change.authRevision !== this.revision) return "authRevisionOld";
        this.observer?.({
          kind: "assigned",
          token: `${change.secret}.${index}`,
          user: change.user,
        });
        return false;
      case "addRole":
        if (change.role === "") return "roleEmpty";
        if (change.role.length > authNameBytesMax) return "authManagementInvalid";
        if (this.#roles.has(change.role)) return "roleExists";
        this.#putRole(engine, change.role, { permissions: [] });
        return this.#changed(engine);
      case "deleteRole":
        return this.#deleteRole(engine, change.role);
      case "grantPermission":
        return this.#grantPermission(engine, change.role, change.permission);
      case "revokePermission":
        return this.#revokePermission(engine, change);
      case "addUser":
      case "changePassword":
      case "deleteUser":
      case "grantRole":
      case "revokeRole":
        return this.#changeUser(engine, change);
    }
  }

  #enable(engine: Writer): AuthErrorCode | boolean {
    if (this.enabled) return false;
    const user = this.#users.get(root);
    if (user === undefined) return "rootUserMissing";
    if (!user.roles.includes(root)) return "rootRoleMissing";
    this.enabled = true;
    this.#putState(engine);
    return true;
  }

  #changeUser(
    engine: Writer,
    change: Extract<
      AuthChange,
      { user: AuthName; kind: `${string}${"User" | "Password" | "Role"}` }
    >,
  ): AuthErrorCode | boolean {
    const name = change.user;
    if (change.kind === "addUser") {
      if (name === "") return "userEmpty";
      if (name.length > authNameBytesMax) return "authManagementInvalid";
      if (this.#users.has(name)) return "userExists";
      const { password, hasPassword } = change;
      const since = this.revision + 1;
      this.#putUser(engine, name, { password, hasPassword, roles: [], since });
      return this.#changed(engine);
    }
    const isRoot = this.enabled && name === root;
    if (isRoot && change.kind === "deleteUser") return "authManagementInvalid";
    if (isRoot && change.kind === "revokeRole" && change.role === root) {
      return "authManagementInvalid";
    }
    const user = this.#users.get(name);
    if (user === undefined) return "userNotFound";
    switch (change.kind) {
      case "deleteUser":
        this.#users.delete(name);
        engine.delete(table, userPrefix + name);
        this.observer?.({ kind: "userEnded", user: name });
        break;
      case "changePassword":
        // A user that was made without one never gets one.
        this.#putUser(engine, name, {
          ...user,
          ...(user.hasPassword && { password: change.password }),
          since: this.revision + 1,
        });
        this.observer?.({ kind: "userEnded", user: name });
        break;
      case "grantRole":
        if (change.role !== root && !this.#roles.has(change.role)) return "roleNotFound";
        if (user.roles.includes(change.role)) return false;
        this.#putUser(engine, name, { ...user, roles: [...user.roles, change.role].sort() });
        break;
      case "revokeRole":
        if (!user.roles.includes(change.role)) return "roleNotGranted";
        this.#putUser(engine, name, without(user, change.role));
        break;
    }
    return this.#changed(engine);
  }

  #deleteRole(engine: Writer, name: AuthName): AuthErrorCode | boolean {
    if (this.enabled && name === root) return "authManagementInvalid";
    if (!this.#roles.delete(name)) return "roleNotFound";
    engine.delete(table, rolePrefix + name);
    for (const [user, state] of this.#users) {
      if (state.roles.includes(name)) this.#putUser(engine, user, without(state, name));
    }
    return this.#changed(engine);
  }

  #grantPermission(engine: Writer, name: AuthName, given: Permission): AuthErrorCode | boolean {
    const { key, rangeEnd } = given;
    if (key === "" || (rangeEnd !== "" && rangeEnd !== "\0" && key >= rangeEnd)) {
      return "authManagementInvalid";
    }
    const role = this.#roles.get(name);
    if (role === undefined) return "roleNotFound";
    const others = role.permissions.filter((one) => !isOf(one, given));
    this.#putRole(engine, name, { permissions: [...others, given].sort(byPlace) });
    return this.#changed(engine);
  }

  #revokePermission(
    engine: Writer,
    { role: name, ...place }: { role: AuthName; key: Key; rangeEnd: Key },
  ): AuthErrorCode | boolean {
    const role = this.#roles.get(name);
    if (role === undefined) return "roleNotFound";
    const permissions = role.permissions.filter((one) => !isOf(one, place));
    if (permissions.length === role.permissions.length) return "permissionNotGranted";
    this.#putRole(engine, name, { permissions });
    return this.#changed(engine);
  }

  #changed(engine: Writer): true {
    this.revision++;
    this.#permitted.clear();
    this.#putState(engine);
    return true;
  }

  #putState(engine: Writer): void {
    const out = new ByteWriter(16);
    out.u8(this.enabled ? 1 : 0);
    out.varint(this.revision);
    out.varint(this.#since);
    engine.put(table, stateKey, out.written());
  }

  #putUser(engine: Writer, name: AuthName, user: AuthUser): void {
    this.#users.set(name, user);
    const out = new ByteWriter(128);
    out.text(user.password);
    out.u8(user.hasPassword ? 1 : 0);
    out.varint(user.roles.length);
    for (const role of user.roles) out.byteString(role);
    out.varint(user.since);
    engine.put(table, userPrefix + name, out.written());
  }

  #putRole(engine: Writer, name: AuthName, role: AuthRole): void {
    this.#roles.set(name, role);
    const out = new ByteWriter(128);
    out.varint(role.permissions.length);
    for (const permission of role.permissions) writePermission(out, permission);
    engine.put(table, rolePrefix + name, out.written());
  }
}

function readUser(reader: ByteReader): AuthUser {
  const password = reader.text();
  const hasPassword = readFlag(reader);
  const roles = Array.from({ length: reader.varint() }, () => reader.byteString());
  // Not written by the first versions.
  return { password, hasPassword, roles, since: reader.atEnd ? 0 : reader.varint() };
}

function readRole(reader: ByteReader): AuthRole {
  const permissions = Array.from({ length: reader.varint() }, () => readPermission(reader));
  return { permissions };
}

function without(user: AuthUser, role: AuthName): AuthUser {
  return { ...user, roles: user.roles.filter((one) => one !== role) };
}

function isOf(one: Permission, { key, rangeEnd }: { key: Key; rangeEnd: Key }): boolean {
  return one.key === key && one.rangeEnd === rangeEnd;
}

function byPlace(a: Permission, b: Permission): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.rangeEnd < b.rangeEnd ? -1 : a.rangeEnd > b.rangeEnd ? 1 : 0;
}
