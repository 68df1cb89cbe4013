// The comparison as a picture: for each row three bars, on a scale of its own. Plain SVG, readable in
// light and dark alike, and by those who see no colours: every bar carries its name and its number.

import type { Comparison } from "./compare.ts";
import { type ComparisonRow, rowsOf } from "./rows.ts";

const width = 900;
const margin = 24;
const nameWidth = 60;
const barWidth = 560;
const barHeight = 14;
const barPitch = 18;
const rowGap = 14;
const groupGap = 22;
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
  let y = margin + 16;
  const names = comparison.protocols.map(({ protocol }) => protocol);
  text(margin, y, `${names.join(", ")} side by side`, ' font-size="18" font-weight="bold"');
  y += 20;
  text(
    margin,
    y,
    `simulated, from seed ${comparison.seed}; each row has its own scale; the shorter bar is the lesser value`,
  );
  let group = "";
  for (const row of rowsOf(comparison)) {
    if (row.group !== group) {
      group = row.group;
      y += groupGap + 10;
      text(margin, y, group, ' font-size="15" font-weight="bold"');
    }
    y += rowGap + 6;
    text(margin, y, row.label);
    y += 6;
    for (const [position, name] of names.entries()) {
      parts.push(bar(row, position, name, y));
      y += barPitch;
    }
  }
  const height = y + margin;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>${escapeXml(`${names.join(", ")} side by side`)}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

function bar(row: ComparisonRow, position: number, name: string, y: number): string {
  const value = row.values[position];
  if (value === undefined) return "";
  const most = Math.max(...row.values.map(({ number }) => number));
  const length = most > 0 ? Math.max(1, Math.round((value.number / most) * barWidth)) : 1;
  const x = margin + nameWidth;
  const base = y + barHeight - 3;
  return [
    `<text x="${margin}" y="${base}">${escapeXml(name)}</text>`,
    `<rect x="${x}" y="${y}" width="${length}" height="${barHeight}" fill="${colours[name] ?? "#666666"}"/>`,
    `<text x="${x + length + 6}" y="${base}">${escapeXml(value.text)}</text>`,
  ].join("\n");
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
