export { createSystemClock } from "./clock/system-clock.ts";
export * from "./config/index.ts";
export * from "./disk/index.ts";
export type * from "./doors/context.ts";
export { newMemberId } from "./doors/etcd/cluster/new-member.ts";
export {
  type EndCode,
  type Ended,
  type Host,
  type HostOptions,
  type HostParts,
  type Serving,
  startHost,
} from "./host.ts";
export { bootstrapClusterId, bootstrapMemberId } from "./identity/member-id.ts";
export { IdentityError, type IdentityErrorCode } from "./identity/member-identity.ts";
export { ListenError } from "./listen-error.ts";
export { memberOptionsOf } from "./member-parts.ts";
export { createLogger, type Logger, type LoggerOptions } from "./observe/logging.ts";
export * from "./peers/index.ts";
export { type Server, type ServerOptions, startServer } from "./server.ts";
export { SnapshotFileError } from "./snapshot-file.ts";
export {
  type Progress,
  type Restored,
  type RestoreOptions,
  readSnapshotStatus,
  restoreSnapshot,
  type SnapshotStatus,
} from "./snapshot-restore.ts";
