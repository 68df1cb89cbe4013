export { type Config, defaultConfig, type Resolved, resolveConfig } from "./config.ts";
export { ConfigError } from "./config-error.ts";
export { parseDurationMs } from "./duration.ts";
export { closest, environmentName, type Flag, flagGroups, flags } from "./flags.ts";
export { type InitialMember, parseInitialCluster } from "./initial-cluster.ts";
export { gatherSettings, type Settings, type Sources } from "./sources.ts";
export { checkTls, type TlsFiles, tlsFilesOf } from "./tls-settings.ts";
