// The secret that all members of a cluster know: who does not show that it knows it founds nothing and joins
// nothing. It proves itself for one connection at a time and never travels; but what it proves can be
// guessed at, so it has to be long.

import { readFileSync } from "node:fs";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";

const charactersMin = 16;

export function loadJoinSecret({ peerJoinSecretFile: path }: Config): string | undefined {
  if (path === undefined) return undefined;
  const flag = "peer-join-secret-file";
  let secret: string;
  try {
    secret = readFileSync(path, "utf8").trim();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ConfigError(flag, `--${flag}=${path} cannot be read: ${problem}`);
  }
  if (secret.length >= charactersMin) return secret;
  throw new ConfigError(
    flag,
    `--${flag}=${path} holds ${secret.length} characters; give it ${charactersMin} or more that nobody can guess (openssl rand -hex 32)`,
  );
}
