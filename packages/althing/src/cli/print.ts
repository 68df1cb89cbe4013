// Output in the three forms that -o chooses: plain lines, a table, JSON.

export type OutputForm = "plain" | "table" | "json";

export function writeLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function writeJson(value: unknown): void {
  writeLine(
    JSON.stringify(value, (_name, field) => (typeof field === "bigint" ? field.toString() : field)),
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
