export { createSystemClock } from "./clock/system-clock.ts";
export * from "./config/index.ts";
export * from "./disk/index.ts";
export type * from "./doors/context.ts";
export { bootstrapClusterId, bootstrapMemberId } from "./identity/member-id.ts";
export * from "./peers/index.ts";
