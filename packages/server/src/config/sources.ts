// Where settings come from: the command line beats the environment, and a config file stands alone.
// All three become text by flag name; an unknown name is refused with the one that was meant.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ConfigError } from "./config-error.ts";
import { closest, environmentName, type Flag, findFlag, flags, suggestFlag } from "./flags.ts";

export interface Setting {
  readonly value: string;
  /** As the operator would recognise it: `--name=a`, `ALTHING_NAME=a`, `name: a in etcd.yaml`. */
  readonly origin: string;
}
export type Settings = ReadonlyMap<string, Setting>;

export interface Sources {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly readFile?: (path: string) => string;
}

export interface Gathered {
  readonly settings: Settings;
  readonly warnings: readonly string[];
}

export function gatherSettings(sources: Sources): Gathered {
  const fromArgs = readArguments(sources.args);
  const fromEnvironment = readEnvironment(sources.environment);
  const file = fromArgs.get("config-file") ?? fromEnvironment.get("config-file");
  const warnings = strangeVariables(sources.environment);
  if (file === undefined || file.value === "") {
    return { settings: new Map([...fromEnvironment, ...fromArgs]), warnings };
  }
  const others = [...fromArgs.keys(), ...fromEnvironment.keys()].filter((n) => n !== "config-file");
  if (others.length > 0) {
    warnings.push(
      `The config file ${file.value} stands alone: ${[...new Set(others)].map((name) => `--${name}`).join(", ")} from the command line or the environment do nothing.`,
    );
  }
  const read = sources.readFile ?? ((path) => readFileSync(path, "utf8"));
  return { settings: readConfigFile(file.value, read), warnings };
}

/** One dash or two; `--flag=value` or `--flag value`; a boolean alone is true. */
function readArguments(args: readonly string[]): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    const match = /^--?([a-zA-Z][\w-]*)(?:=([\s\S]*))?$/.exec(argument);
    if (match === null) {
      throw new ConfigError(
        "",
        `"${argument}" is not a flag; flags begin with --, and values follow as --flag=value or --flag value`,
      );
    }
    const flag = knownFlag(match[1]!, `--${match[1]}`);
    let value = match[2];
    if (value === undefined && flag.kind === "boolean") value = "true";
    if (value === undefined) {
      value = args[++i];
      if (value === undefined) throw new ConfigError(flag.name, `--${match[1]} needs a value`);
    }
    settings.set(flag.name, { value, origin: `--${match[1]}=${value}` });
  }
  return settings;
}

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const flag of flags) {
    const name = environmentName(flag);
    const value = environment[name];
    if (value !== undefined && value !== "") {
      settings.set(flag.name, { value, origin: `${name}=${value}` });
    }
  }
  return settings;
}

/** Of other parts of the program. */
const otherVariables = /^ALTHING_(ENDPOINTS$|NODE_CHOSEN$|TEST_)/;

/**
 * A misspelt variable would go unnoticed. It is told and not refused: the environment is shared with
 * others, and some set variables of their own under names like these.
 */
function strangeVariables(environment: Sources["environment"]): string[] {
  const known = new Set(flags.map(environmentName));
  const strange = Object.keys(environment).filter(
    (name) => name.startsWith("ALTHING_") && !known.has(name) && !otherVariables.test(name),
  );
  return strange.sort().map((name) => {
    const bare = (variable: string) => variable.slice("ALTHING_".length);
    const meant = closest(bare(name), [...known].map(bare));
    const hint =
      meant === undefined ? "see `althing start --help`" : `did you mean ALTHING_${meant}?`;
    return `The environment variable ${name} is not known and does nothing; ${hint}`;
  });
}

const securityGroups: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "client-transport-security": {
    "cert-file": "cert-file",
    "key-file": "key-file",
    "client-cert-auth": "client-cert-auth",
    "trusted-ca-file": "trusted-ca-file",
    "client-crl-file": "client-crl-file",
    "auto-tls": "auto-tls",
    "allowed-hostname": "client-cert-allowed-hostname",
  },
  "peer-transport-security": {
    "cert-file": "peer-cert-file",
    "key-file": "peer-key-file",
    "client-cert-auth": "peer-client-cert-auth",
    "trusted-ca-file": "peer-trusted-ca-file",
    "allowed-cn": "peer-cert-allowed-cn",
    "allowed-hostname": "peer-cert-allowed-hostname",
    "crl-file": "peer-crl-file",
    "auto-tls": "peer-auto-tls",
  },
};

function readConfigFile(path: string, read: (path: string) => string): Map<string, Setting> {
  let content: unknown;
  try {
    // Few members have a file, and the parser is 8 MiB to each that loads it.
    const { parse } = createRequire(import.meta.url)("yaml") as typeof import("yaml");
    content = parse(read(path));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ConfigError("config-file", `the config file ${path} cannot be read: ${problem}`);
  }
  if (content === null) return new Map();
  if (typeof content !== "object" || Array.isArray(content)) {
    throw new ConfigError("config-file", `the config file ${path} must hold keys and values`);
  }
  const settings = new Map<string, Setting>();
  for (const [key, value] of Object.entries(content)) {
    const group = securityGroups[key];
    if (group === undefined) {
      const flag = knownFlag(key, `${key} in ${path}`);
      settings.set(flag.name, fileSetting(flag, value, key, path));
      continue;
    }
    for (const [inner, innerValue] of Object.entries((value as object | null) ?? {})) {
      const name = group[inner];
      const place = `${key}.${inner} in ${path}`;
      if (name === undefined) throw new ConfigError(key, `${place} is not a known setting`);
      const flag = knownFlag(name, place);
      settings.set(flag.name, fileSetting(flag, innerValue, `${key}.${inner}`, path));
    }
  }
  return settings;
}

function fileSetting(flag: Flag, value: unknown, key: string, path: string): Setting {
  return { value: textOf(flag, value, key, path), origin: `${key}: ${String(value)} in ${path}` };
}

function textOf(flag: Flag, value: unknown, key: string, path: string): string {
  if (value === null || value === undefined) return flag.fallback;
  if (flag.kind === "duration" && typeof value === "number") return `${value}ns`;
  if (Array.isArray(value)) return value.map(String).join(",");
  if (typeof value === "object") {
    throw new ConfigError(flag.name, `${key} in ${path} must be a single value or a list`);
  }
  return String(value);
}

function knownFlag(name: string, place: string): Flag {
  const flag = findFlag(name);
  if (flag !== undefined) return flag;
  const meant = suggestFlag(name);
  const hint = meant === undefined ? "see `althing start --help`" : `did you mean --${meant}?`;
  throw new ConfigError(name, `${place} is not known; ${hint}`);
}
