// The comparison as a picture: each row a small panel of bars on a scale of its own, three panels side by
// side, so that all of it is seen on a page. Plain SVG, readable by those who see no colours: every bar
// carries its name and its number.

import type { Comparison } from "./compare.ts";
import { type ComparisonRow, rowsOf } from "./rows.ts";

const margin = 24;
const columns = 3;
const panelWidth = 360;
const columnGap = 24;
const width = 2 * margin + columns * panelWidth + (columns - 1) * columnGap;
const nameWidth = 42;
/** What is left of a panel is for the number: a median with its ends is long. */
const barWidth = 180;
const barHeight = 12;
const barPitch = 15;
const labelHeight = 20;
const rowGap = 10;
const groupHeight = 40;
const colours: Readonly<Record<string, string>> = {
  raft: "#4477aa",
  paxos: "#cc6677",
  zab: "#998833",
};

export function drawComparison(comparison: Comparison): string {
  const parts: string[] = [];
  const text = (x: number, y: number, words: string, style = ""): void => {
    parts.push(`<text x="${x}" y="${y}"${style}>${escapeXml(words)}</text>`);
  };
  const names = comparison.protocols.map(({ protocol }) => protocol);
  const title = `${names.join(", ")} side by side`;
  text(margin, margin + 16, title, ' font-size="18" font-weight="bold"');
  text(
    margin,
    margin + 36,
    `simulated, from seed ${comparison.seed}; each row has its own scale; the shorter bar is the lesser value`,
  );
  const panelHeight = labelHeight + names.length * barPitch + rowGap;
  let y = margin + 40;
  const rows = rowsOf(comparison);
  for (const group of new Set(rows.map((row) => row.group))) {
    text(margin, y + groupHeight - 14, group, ' font-size="15" font-weight="bold"');
    y += groupHeight;
    const panels = rows.filter((row) => row.group === group);
    for (const [place, row] of panels.entries()) {
      const x = margin + (place % columns) * (panelWidth + columnGap);
      const top = y + Math.floor(place / columns) * panelHeight;
      text(x, top + labelHeight - 8, row.label);
      for (const [position, name] of names.entries()) {
        parts.push(bar(row, position, name, x, top + labelHeight + position * barPitch));
      }
    }
    y += Math.ceil(panels.length / columns) * panelHeight;
  }
  const height = y + margin;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>${escapeXml(title)}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

function bar(row: ComparisonRow, position: number, name: string, x: number, y: number): string {
  const value = row.values[position];
  if (value === undefined) return "";
  const most = Math.max(...row.values.map(({ number }) => number));
  const length = most > 0 ? Math.max(1, Math.round((value.number / most) * barWidth)) : 1;
  const start = x + nameWidth;
  const base = y + barHeight - 2;
  return [
    `<text x="${x}" y="${base}">${escapeXml(name)}</text>`,
    `<rect x="${start}" y="${y}" width="${length}" height="${barHeight}" fill="${colours[name] ?? "#666666"}"/>`,
    `<text x="${start + length + 6}" y="${base}">${escapeXml(value.text)}</text>`,
  ].join("\n");
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
