// How the client commands find and address a cluster. The options are the same for all of them.

import { readFileSync } from "node:fs";
import type { Command, Option, Parsed } from "./command.ts";
import { usageError } from "./command.ts";
import {
  type Context,
  type ContextOption,
  contextNamed,
  readContexts,
} from "./contexts/contexts.ts";
import { CliError, exitCode } from "./exit-codes.ts";
import { type ClientTls, type Credentials, GrpcClient, parseEndpoint } from "./grpc-client.ts";
import { type OutputForm, outputForms } from "./print.ts";

export const outputOption: Option = {
  name: "output",
  short: "o",
  kind: "text",
  value: outputForms.join("|"),
  choices: outputForms,
  help: "Form of the output",
};

export const connectionOptions: readonly Option[] = [
  {
    name: "endpoints",
    kind: "text",
    value: "HOST:PORT,...",
    help: "Members to ask; ALTHING_ENDPOINTS, the context's or 127.0.0.1:2379 if not given",
  },
  {
    name: "context",
    kind: "text",
    value: "NAME",
    help: "Cluster by its name (see `context add`); ALTHING_CONTEXT or the one in use if not given",
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

/** What the command line says, else the environment, else the context. */
function given(parsed: Parsed, name: ContextOption): string | undefined {
  const variable = { endpoints: "ALTHING_ENDPOINTS", user: "ALTHING_USER" }[name as string];
  const said = parsed.text(name) ?? (variable === undefined ? undefined : process.env[variable]);
  return said ?? chosenContext(parsed)?.[name];
}

/** Endpoints that are named are of no context, unless it is named as well. */
function chosenContext(parsed: Parsed): Context | undefined {
  const named = parsed.text("context") ?? process.env["ALTHING_CONTEXT"];
  if (named !== undefined && named !== "") return contextNamed(readContexts(), named);
  if ((parsed.text("endpoints") ?? process.env["ALTHING_ENDPOINTS"]) !== undefined)
    return undefined;
  const contexts = readContexts();
  return contexts.current === undefined ? undefined : contextNamed(contexts, contexts.current);
}

export function endpointTexts(parsed: Parsed): string[] {
  const text = given(parsed, "endpoints") ?? defaultEndpoint;
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function openClient(command: Command, parsed: Parsed, endpoints: readonly string[]): GrpcClient {
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
  endpoints: readonly string[] = endpointTexts(parsed),
): Promise<T> {
  const client = openClient(command, parsed, endpoints);
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
  const text = given(parsed, "user") ?? "";
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

function readPem(parsed: Parsed, name: ContextOption): Buffer | undefined {
  const path = given(parsed, name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new CliError(exitCode.usage, `--${name}: ${problem}`);
  }
}
