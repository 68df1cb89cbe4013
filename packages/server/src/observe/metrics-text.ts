// Prometheus' text format 0.0.4. A family is asked for its samples when somebody scrapes; counting itself
// happens elsewhere, in plain numbers.

export type Labels = Readonly<Record<string, string | number>>;
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
  /** "_bucket", "_sum", "_count" of a histogram. */
  readonly suffix?: string;
}
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly help: string;
  samples(): Iterable<Sample>;
}

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

export function renderFamilies(families: readonly Family[]): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { labels, value, suffix } of samples()) {
      lines.push(`${name}${suffix ?? ""}${renderLabels(labels)} ${renderNumber(value)}`);
    }
  }
  lines.push("");
  return lines.join("\n");
}

/** A family of one sample without labels. */
export function single(
  type: "counter" | "gauge",
  name: string,
  help: string,
  read: () => number,
): Family {
  return { name, type, help, samples: () => [{ value: read() }] };
}

/** A constant 1 whose labels carry the information. */
export function info(name: string, help: string, labels: Labels): Family {
  return { name, type: "gauge", help, samples: () => [{ labels, value: 1 }] };
}

function renderLabels(labels: Labels | undefined): string {
  if (labels === undefined) return "";
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escapeLabel(value: string | number): string {
  return String(value).replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}

function renderNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return Number.isNaN(value) ? "NaN" : String(value);
}
