// etcdserverpb.Auth. Every change goes through the log for its caller and is judged where it is applied;
// questions are answered from a linearizable state. Passwords are hashed before anything is proposed.

import { type AuthChange, encodeCommand, type Permission } from "@althing/store";
import {
  etcdCodecs as codecs,
  type EtcdMessage,
  etcdSchema,
  type MessageCodec,
} from "@althing/wire";
import type { GrpcMethod, UnaryCall, UnaryMethod } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { MemberView } from "../cluster/member-view.ts";
import { type EtcdErrorCode, failWith, memberFault } from "../errors.ts";
import type { Access } from "./access.ts";
import { bcryptIn } from "./bcrypt.ts";
import { nameOf, textOfName } from "./names.ts";
import { type Passwords, passwordBytesMax } from "./passwords.ts";

interface Dependencies {
  readonly context: DoorContext;
  readonly view: MemberView;
  readonly admission: Admission;
  readonly access: Access;
  readonly passwords: Passwords;
}

/** Logins that are overtaken by changes of auth are tried again so often. */
const attemptsMax = 5;
const { READ, WRITE, READWRITE } = etcdSchema.enums.PermissionType;
const permissionKinds: ReadonlyMap<number, Permission["kind"]> = new Map([
  [READ, "read"],
  [WRITE, "write"],
  [READWRITE, "readWrite"],
]);
const permissionNumbers = { read: READ, write: WRITE, readWrite: READWRITE } as const;

export function authMethods(dependencies: Dependencies): GrpcMethod[] {
  const { context, view, admission, access, passwords } = dependencies;
  const { member, store } = context;
  const header = () => view.header(store.revision);

  /** One RPC: admitted, then handled. */
  function rpc<Request, Message, Init>(
    method: string,
    requests: MessageCodec<Request, never>,
    responses: MessageCodec<Message, Init>,
    handle: (request: Request, call: UnaryCall<Init>) => void,
  ): UnaryMethod<Request, Init> {
    return {
      kind: "unary",
      service: "etcdserverpb.Auth",
      method,
      decode: requests.decode,
      encode: (writer, response) => responses.write(response, writer),
      handle(request, call) {
        const fault = admission.refuse(call, false);
        if (fault === undefined) handle(request, call);
        else failWith(call, fault);
      },
    };
  }

  type Answered = UnaryCall<{ readonly header: ReturnType<typeof header> }>;

  function change(call: Answered, what: AuthChange): void {
    const command = encodeCommand({ kind: "auth", change: what });
    access.propose(call, command, (outcome) => {
      if (outcome.kind === "failed") failWith(call, memberFault(outcome.error));
      else if (outcome.kind === "refused") failWith(call, outcome.code);
      else if (outcome.result.kind === "error") failWith(call, outcome.result.code);
      else call.respond({ header: header() });
    });
  }

  /** Answers from a state that is not older than the question. */
  function look(
    call: UnaryCall<never>,
    refuses: () => EtcdErrorCode | undefined,
    answer: () => void,
  ): void {
    member.read((error) => {
      const code = error?.code ?? refuses();
      if (code === undefined) answer();
      else failWith(call, code);
    });
  }

  /** The same, and without a leader it fails within the time that an election takes, not a request. */
  function lookSoon(
    call: UnaryCall<never>,
    refuses: () => EtcdErrorCode | undefined,
    answer: () => void,
  ): void {
    let isOver = false;
    const timer =
      view.recent().leader === undefined
        ? setTimeout(() => {
            isOver = true;
            failWith(call, "leaderMissing");
          }, context.leaseSecondsMin * 1000)
        : undefined;
    member.read((error) => {
      clearTimeout(timer);
      if (isOver) return;
      const code = error?.code ?? refuses();
      if (code === undefined) answer();
      else failWith(call, code);
    });
  }

  /** Only an administrator's passwords are worth the work of hashing. */
  function hashed(
    call: UnaryCall<never>,
    request: {
      readonly name: string;
      readonly password: string;
      readonly hashedPassword: string;
    },
    done: (hash: string) => void,
  ): void {
    const { password, hashedPassword } = request;
    look(
      call,
      () => access.refusesNonAdmin(call) ?? passwordFault(request),
      () => {
        const given = password === "" ? bcryptIn(hashedPassword) : undefined;
        if (given !== undefined) {
          done(given);
          return;
        }
        passwords.hash(
          password,
          () => !call.cancelled,
          (hash) => {
            if (hash === undefined) failWith(call, "overloaded");
            else done(hash);
          },
        );
      },
    );
  }

  /** What is wrong with a request is told to those who may make it. */
  function malformed(call: UnaryCall<never>, code: EtcdErrorCode): void {
    look(
      call,
      () => access.refusesNonAdmin(call) ?? code,
      () => {},
    );
  }

  function authenticate(
    { name, password }: EtcdMessage<"AuthenticateRequest">,
    call: UnaryCall<{ readonly header: ReturnType<typeof header>; readonly token: string }>,
    attemptsLeft: number,
  ): void {
    const user = nameOf(name);
    const respond = (token: string) => call.respond({ header: header(), token });
    const isEnabled = () => (store.auth.enabled ? undefined : ("authNotEnabled" as const));
    lookSoon(call, isEnabled, () => {
      // By what was given alone: it says nothing of who there is.
      if (password.length > passwordBytesMax) {
        failWith(call, "authFailed");
        return;
      }
      const authRevision = store.auth.revision;
      const known = store.auth.user(user);
      const stored = known?.hasPassword === true ? known.password : undefined;
      passwords.verify(
        { user, stored, password, connection: call.caller.address },
        () => !call.cancelled,
        (matches) => {
          if (matches !== true) {
            failWith(call, matches === undefined ? "overloaded" : "authFailed");
            return;
          }
          const again = (code: EtcdErrorCode) => {
            if (code !== "authRevisionOld" || attemptsLeft <= 1) failWith(call, code);
            else authenticate({ name, password }, call, attemptsLeft - 1);
          };
          const issued = access.tokens.issue(user, authRevision);
          if (typeof issued === "string") failWith(call, issued);
          else if (issued.kind === "logged") {
            const { secret } = issued;
            const what: AuthChange = { kind: "authenticate", user, secret, authRevision };
            const command = encodeCommand({ kind: "auth", change: what });
            member.propose(command, (outcome) => {
              if (outcome.kind === "failed") failWith(call, memberFault(outcome.error));
              else if (outcome.result.kind === "error") again(outcome.result.code);
              else respond(`${secret}.${outcome.index}`);
            });
          } else if (store.auth.revision !== authRevision) again("authRevisionOld");
          else respond(issued.token);
        },
      );
    });
  }

  return [
    rpc("AuthEnable", codecs.AuthEnableRequest, codecs.AuthEnableResponse, (_request, call) => {
      change(call, { kind: "enable" });
    }),
    rpc("AuthDisable", codecs.AuthDisableRequest, codecs.AuthDisableResponse, (_request, call) => {
      change(call, { kind: "disable" });
    }),
    rpc("AuthStatus", codecs.AuthStatusRequest, codecs.AuthStatusResponse, (_request, call) => {
      look(
        call,
        () => undefined,
        () => {
          const { enabled, revision } = store.auth;
          call.respond({ header: header(), enabled, authRevision: revision });
        },
      );
    }),
    rpc("Authenticate", codecs.AuthenticateRequest, codecs.AuthenticateResponse, (request, call) =>
      authenticate(request, call, attemptsMax),
    ),
    rpc("UserAdd", codecs.AuthUserAddRequest, codecs.AuthUserAddResponse, (request, call) => {
      const user = nameOf(request.name);
      // An empty password is none: etcd's tools send one for users that come with a certificate.
      const { options, password, hashedPassword } = request;
      if (options?.no_password === true || (password === "" && hashedPassword === "")) {
        change(call, { kind: "addUser", user, password: "", hasPassword: false });
      } else {
        hashed(call, request, (password) => {
          change(call, { kind: "addUser", user, password, hasPassword: true });
        });
      }
    }),
    rpc("UserGet", codecs.AuthUserGetRequest, codecs.AuthUserGetResponse, ({ name }, call) => {
      const user = nameOf(name);
      look(
        call,
        () => {
          const refused = access.refusesNonAdmin(call);
          if (refused === "permissionDenied" && access.isUser(call, user)) return undefined;
          return refused;
        },
        () => {
          const found = store.auth.user(user);
          if (found === undefined) failWith(call, "userNotFound");
          else call.respond({ header: header(), roles: found.roles.map(textOfName) });
        },
      );
    }),
    rpc("UserList", codecs.AuthUserListRequest, codecs.AuthUserListResponse, (_request, call) => {
      look(
        call,
        () => access.refusesNonAdmin(call),
        () => call.respond({ header: header(), users: store.auth.users().map(textOfName) }),
      );
    }),
    rpc(
      "UserDelete",
      codecs.AuthUserDeleteRequest,
      codecs.AuthUserDeleteResponse,
      ({ name }, call) => change(call, { kind: "deleteUser", user: nameOf(name) }),
    ),
    rpc(
      "UserChangePassword",
      codecs.AuthUserChangePasswordRequest,
      codecs.AuthUserChangePasswordResponse,
      (request, call) => {
        hashed(call, request, (password) => {
          change(call, { kind: "changePassword", user: nameOf(request.name), password });
        });
      },
    ),
    rpc(
      "UserGrantRole",
      codecs.AuthUserGrantRoleRequest,
      codecs.AuthUserGrantRoleResponse,
      ({ user, role }, call) => {
        change(call, { kind: "grantRole", user: nameOf(user), role: nameOf(role) });
      },
    ),
    rpc(
      "UserRevokeRole",
      codecs.AuthUserRevokeRoleRequest,
      codecs.AuthUserRevokeRoleResponse,
      ({ name, role }, call) => {
        change(call, { kind: "revokeRole", user: nameOf(name), role: nameOf(role) });
      },
    ),
    rpc("RoleAdd", codecs.AuthRoleAddRequest, codecs.AuthRoleAddResponse, ({ name }, call) => {
      change(call, { kind: "addRole", role: nameOf(name) });
    }),
    rpc("RoleGet", codecs.AuthRoleGetRequest, codecs.AuthRoleGetResponse, (request, call) => {
      const role = nameOf(request.role);
      look(
        call,
        () => {
          const refused = access.refusesNonAdmin(call);
          return refused === "permissionDenied" && access.hasRole(call, role) ? undefined : refused;
        },
        () => {
          const found = store.auth.role(role);
          if (found === undefined) failWith(call, "roleNotFound");
          else call.respond({ header: header(), perm: found.permissions.map(toWire) });
        },
      );
    }),
    rpc("RoleList", codecs.AuthRoleListRequest, codecs.AuthRoleListResponse, (_request, call) => {
      look(
        call,
        () => access.refusesNonAdmin(call),
        () => call.respond({ header: header(), roles: store.auth.roles().map(textOfName) }),
      );
    }),
    rpc(
      "RoleDelete",
      codecs.AuthRoleDeleteRequest,
      codecs.AuthRoleDeleteResponse,
      ({ role }, call) => change(call, { kind: "deleteRole", role: nameOf(role) }),
    ),
    rpc(
      "RoleGrantPermission",
      codecs.AuthRoleGrantPermissionRequest,
      codecs.AuthRoleGrantPermissionResponse,
      ({ name, perm }, call) => {
        if (perm === undefined) {
          malformed(call, "permissionNotGiven");
          return;
        }
        const kind = permissionKinds.get(perm.permType);
        if (kind === undefined) {
          malformed(call, "authManagementInvalid");
          return;
        }
        const permission = { kind, key: latin1(perm.key), rangeEnd: latin1(perm.range_end) };
        change(call, { kind: "grantPermission", role: nameOf(name), permission });
      },
    ),
    rpc(
      "RoleRevokePermission",
      codecs.AuthRoleRevokePermissionRequest,
      codecs.AuthRoleRevokePermissionResponse,
      (request, call) => {
        const [key, rangeEnd] = [latin1(request.key), latin1(request.range_end)];
        change(call, { kind: "revokePermission", role: nameOf(request.role), key, rangeEnd });
      },
    ),
  ];
}

/** Why no user can be given this password. */
function passwordFault(request: {
  readonly name: string;
  readonly password: string;
  readonly hashedPassword: string;
}): EtcdErrorCode | undefined {
  if (request.name === "") return "userEmpty";
  // As with etcd, a password counts, and whatever hash comes with it does not.
  if (request.password === "") {
    if (request.hashedPassword === "") return "passwordEmpty";
    return bcryptIn(request.hashedPassword) === undefined ? "passwordHashUnknown" : undefined;
  }
  return request.password.length > passwordBytesMax ? "passwordTooLong" : undefined;
}

function toWire({ kind, key, rangeEnd }: Permission) {
  return {
    permType: permissionNumbers[kind],
    key: Buffer.from(key, "latin1"),
    range_end: Buffer.from(rangeEnd, "latin1"),
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
