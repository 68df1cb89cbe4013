// Structured logs: lines for people on a terminal, JSON elsewhere. Events of the member, the peers and
// the doors become readable lines here; there is never a line per request.

import { createRequire } from "node:module";
import type { MemberEvent } from "@althing/member";
import { pino } from "pino";
import { describeEvent, isWritten } from "./event-text.ts";

export type LogLevelName = "debug" | "info" | "warn" | "error";

export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  /** Never throws. */
  observe(event: MemberEvent): void;
}
export type LogLine = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface LoggerOptions {
  readonly level: LogLevelName;
  /** Undefined: for people when standard error is a terminal. */
  readonly format?: "json" | "console" | undefined;
  /** "default", "stderr", "stdout" or file names. */
  readonly outputs?: readonly string[];
  readonly fields?: Readonly<Record<string, unknown>>;
}

export function createLogger(options: LoggerOptions): Logger {
  const outputs = options.outputs?.length ? options.outputs : ["default"];
  const streams = outputs.map((output) => ({
    level: options.level,
    stream: openOutput(output, options.format),
  }));
  const log = pino(
    {
      level: options.level,
      base: options.fields ?? {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "message",
    },
    streams.length === 1 ? streams[0]!.stream : pino.multistream(streams),
  );
  const line =
    (level: LogLevelName): LogLine =>
    (message, fields = {}) =>
      log[level](plainFields(fields), onOneLine(message));
  return {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    observe(event) {
      if (!log.isLevelEnabled(event.level) || !isWritten(event)) return;
      const { level, ...fields } = event;
      const told = plainFields(level === "error" ? withStack(fields) : fields);
      log[level](told, onOneLine(describeEvent(event)));
    },
  };
}

interface Output {
  write(line: string): void;
}

function openOutput(output: string, format: "json" | "console" | undefined): Output {
  const descriptor = output === "stdout" ? 1 : 2;
  const isFile = !["default", "stderr", "stdout"].includes(output);
  if (isFile) return pino.destination({ dest: output, append: true, sync: true, mode: 0o600 });
  const stream = descriptor === 1 ? process.stdout : process.stderr;
  const forPeople = format === undefined ? stream.isTTY === true : format === "console";
  if (!forPeople) return stream;
  // Loaded for people alone.
  const { build } = createRequire(import.meta.url)("pino-pretty") as typeof import("pino-pretty");
  return build({
    colorize: stream.isTTY === true && process.env["NO_COLOR"] === undefined,
    translateTime: "SYS:HH:MM:ss.l",
    messageKey: "message",
    ignore: "kind",
    singleLine: true,
    destination: stream,
  });
}

/** What others said may be part of a message; written for people, it must not begin lines of its own. */
function onOneLine(message: string): string {
  return message.replace(/[\p{Cc}\u2028\u2029]/gu, (character) =>
    character === "\n" ? "\\n" : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Errors and big numbers as text, so that every line is plain JSON and none is huge. */
function plainFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "bigint") plain[name] = value.toString();
    else if (value instanceof Error) plain[name] = describeError(value);
    else if (value instanceof Uint8Array) plain[name] = `${value.length} bytes`;
    else if (value !== undefined) plain[name] = value;
  }
  return plain;
}

/** Where an error comes from matters to whoever has to mend it. */
function withStack(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const error = Object.values(fields).find((value) => value instanceof Error);
  return error?.stack === undefined ? fields : { ...fields, stack: error.stack };
}

function describeError(error: Error): string {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}`;
}
