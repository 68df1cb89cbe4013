export {
  type Config,
  ConfigError,
  defaultConfig,
  type InitialMember,
  parseInitialCluster,
  type Resolved,
  resolveConfig,
  type TlsFiles,
} from "./config.ts";
export { parseDurationMs } from "./duration.ts";
export { closest, environmentName, type Flag, flagGroups, flags } from "./flags.ts";
export { gatherSettings, type Settings, type Sources } from "./sources.ts";
