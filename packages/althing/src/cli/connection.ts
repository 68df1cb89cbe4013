// How the client commands find and address a cluster. The options are the same for all of them.

import { readFileSync } from "node:fs";
import type { Command, Option, Parsed } from "./command.ts";
import { usageError } from "./command.ts";
import { CliError, exitCode } from "./exit-codes.ts";
import { type ClientTls, type Credentials, GrpcClient, parseEndpoint } from "./grpc-client.ts";
import type { OutputForm } from "./print.ts";

export const outputOption: Option = {
  name: "output",
  short: "o",
  kind: "text",
  value: "plain|table|json",
  choices: ["plain", "table", "json"],
  help: "Form of the output",
};

export const connectionOptions: readonly Option[] = [
  {
    name: "endpoints",
    kind: "text",
    value: "HOST:PORT,...",
    help: "Members to ask; 127.0.0.1:2379 or ALTHING_ENDPOINTS if not given",
  },
  outputOption,
  { name: "timeout", kind: "text", value: "SECONDS", help: "Longest wait; 5 if not given" },
  {
    name: "user",
    kind: "text",
    value: "NAME:PASSWORD",
    help: "Who asks, where auth is enabled; ALTHING_USER keeps it off the command line",
  },
  { name: "cacert", kind: "text", value: "FILE", help: "Authority of the servers' certificates" },
  { name: "cert", kind: "text", value: "FILE", help: "Certificate to show" },
  { name: "key", kind: "text", value: "FILE", help: "Its key" },
  { name: "insecure-skip-tls-verify", kind: "boolean", help: "Trust any certificate" },
  { name: "help", short: "h", kind: "boolean", help: "This text" },
];

const defaultEndpoint = "127.0.0.1:2379";

export function endpointTexts(parsed: Parsed): string[] {
  const text = parsed.text("endpoints") ?? process.env["ALTHING_ENDPOINTS"] ?? defaultEndpoint;
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

export function openClient(
  command: Command,
  parsed: Parsed,
  endpoints: readonly string[] = endpointTexts(parsed),
): GrpcClient {
  const tls = readTls(command, parsed);
  const timeoutMs = readTimeout(command, parsed);
  return new GrpcClient(
    endpoints.map((endpoint) => parseEndpoint(endpoint, tls)),
    tls,
    timeoutMs,
    readCredentials(command, parsed),
  );
}

/** Runs `work` with a client and closes it, whatever happens. */
export async function withClient<T>(
  command: Command,
  parsed: Parsed,
  work: (client: GrpcClient) => Promise<T>,
): Promise<T> {
  const client = openClient(command, parsed);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

export function outputForm(parsed: Parsed): OutputForm {
  return (parsed.text("output") ?? "plain") as OutputForm;
}

function readTimeout(command: Command, parsed: Parsed): number {
  const text = parsed.text("timeout");
  if (text === undefined) return 5_000;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (match === null || Number(match[1]) === 0) {
    throw usageError(command, `--timeout must be a number of seconds, like 10 or 500ms`);
  }
  return Number(match[1]) * (match[2] === "ms" ? 1 : match[2] === "m" ? 60_000 : 1_000);
}

/** A password may hold colons; a name may not. */
function readCredentials(command: Command, parsed: Parsed): Credentials | undefined {
  const text = parsed.text("user") ?? process.env["ALTHING_USER"] ?? "";
  if (text === "") return undefined;
  const at = text.indexOf(":");
  if (at < 1) throw usageError(command, "--user must be a name and a password, like ada:secret");
  return { name: text.slice(0, at), password: text.slice(at + 1) };
}

function readTls(command: Command, parsed: Parsed): ClientTls {
  const ca = readPem(parsed, "cacert");
  const cert = readPem(parsed, "cert");
  const key = readPem(parsed, "key");
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError(command, "--cert and --key belong together; give both");
  }
  return {
    verify: !parsed.flag("insecure-skip-tls-verify"),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function readPem(parsed: Parsed, name: string): Buffer | undefined {
  const path = parsed.text(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CliError(exitCode.usage, `--${name}: ${problem}`);
  }
}
