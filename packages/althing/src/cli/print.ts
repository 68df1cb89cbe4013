// Output in the forms that -o chooses: plain lines and a table for people; JSON, a line of JSON for each thing,
// and YAML for programs.

import { stringify } from "yaml";

export const outputForms = ["plain", "table", "json", "jsonl", "yaml"] as const;
export type OutputForm = (typeof outputForms)[number];

/** One answer in all its forms. */
export interface Answer {
  /** For programs. In jsonl a list is a line for each of its items. */
  readonly value: unknown;
  /** What is a list in it, where the value itself is none. */
  readonly items?: readonly unknown[];
  readonly table: readonly [titles: readonly string[], rows: readonly (readonly string[])[]];
  /** Lines for people; rows of the table separated by commas if not given. */
  plain?(): void;
}

export function writeAnswer(form: OutputForm, answer: Answer): void {
  if (writeForPrograms(form, answer)) return;
  const [titles, rows] = answer.table;
  if (form === "table") writeLine(formatTable(titles, rows));
  else if (answer.plain !== undefined) answer.plain();
  else for (const row of rows) writeLine(row.join(", "));
}

/** False when the form is one for people. */
function writeForPrograms(form: OutputForm, { value, items }: Omit<Answer, "table">): boolean {
  if (form === "json") writeJson(value);
  else if (form === "yaml") process.stdout.write(stringify(JSON.parse(toJson(value))));
  else if (form === "jsonl") {
    const list = items ?? (Array.isArray(value) ? value : [value]);
    for (const item of list) writeJson(item);
  } else return false;
  return true;
}

/** One of many things that come one after the other: for YAML a document each. */
export function writeEvent(form: OutputForm, value: unknown, plain: () => void): void {
  if (form === "yaml") process.stdout.write("---\n");
  if (form === "table" || !writeForPrograms(form, { value, items: [value] })) plain();
}

export function writeLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

function writeJson(value: unknown): void {
  writeLine(toJson(value));
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_name, field) =>
    typeof field === "bigint" ? field.toString() : field,
  );
}

export function formatTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = titles.map((title, i) =>
    Math.max(width(title), ...rows.map((row) => width(row[i] ?? ""))),
  );
  const line = `+${widths.map((w) => "-".repeat(w + 2)).join("+")}+`;
  const format = (cells: readonly string[]) =>
    `|${widths.map((w, i) => ` ${pad(cells[i] ?? "", w)} `).join("|")}|`;
  return [
    line,
    format(titles.map((title) => title.toUpperCase())),
    line,
    ...rows.map(format),
    line,
  ].join("\n");
}

/** Bytes as text where they are text; everything else as base64, under a name that says so. */
export function textOrBase64(name: string, bytes: Uint8Array): Record<string, string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString("utf8");
  return Buffer.from(text, "utf8").equals(buffer)
    ? { [name]: text }
    : { [`${name}Base64`]: buffer.toString("base64") };
}

/** For one cell of a table: no line breaks, no control characters. */
export function cellOf(bytes: Uint8Array, max = 60): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString("utf8")
    .replace(/\p{Cc}/gu, "·");
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

function width(text: string): number {
  return [...text].length;
}

function pad(text: string, to: number): string {
  return text + " ".repeat(Math.max(0, to - width(text)));
}
