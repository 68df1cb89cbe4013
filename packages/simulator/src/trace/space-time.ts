// Draws a short run as a space-time diagram (Lamport 1978): a line per member, time to the right,
// messages as slanted arrows, lost ones ending in a cross, roles as coloured stretches.

import type { TraceEvent } from "./events.ts";

const laneHeight = 90;
const left = 70;
const top = 50;
const width = 1600;
const roleColours: Readonly<Record<string, string>> = {
  leader: "#2a9d4a",
  candidate: "#e0a020",
  follower: "#8aa0b8",
  learner: "#b8a0c8",
};
/** More arrows than this make no picture. */
const messagesMax = 4000;

export function drawSpaceTime(
  events: readonly TraceEvent[],
  members: readonly string[],
  range?: { readonly fromMicros?: number; readonly toMicros?: number },
): string {
  const last = events.at(-1)?.at ?? 1;
  const from = range?.fromMicros ?? 0;
  const to = Math.max(from + 1, range?.toMicros ?? last);
  const shown = events.filter((event) => event.at >= from && event.at <= to);
  const x = (at: number): number => left + ((at - from) / (to - from)) * (width - left - 20);
  const y = (member: number): number => top + member * laneHeight + laneHeight / 2;
  const used = members.filter((_, ordinal) =>
    events.some((event) => event.kind === "started" && event.member === ordinal),
  ).length;
  const height = top + Math.max(1, used) * laneHeight + 40;
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
  ];
  drawAxis(out, from, to, x, height);
  drawLives(out, events, members, { from, to, x, y });
  drawMessages(out, shown, x, y);
  for (const event of shown) {
    if (event.kind === "fault" || event.kind === "violation") {
      const colour = event.kind === "fault" ? "#c03030" : "#800080";
      const what = event.kind === "fault" ? event.what : `${event.property}: ${event.detail}`;
      out.push(
        `<line x1="${n(x(event.at))}" x2="${n(x(event.at))}" y1="${top - 10}" y2="${height - 30}" stroke="${colour}" stroke-dasharray="3 3"><title>${escaped(what)}</title></line>`,
        `<text x="${n(x(event.at) + 2)}" y="${top - 12}" fill="${colour}">${escaped(what.slice(0, 28))}</text>`,
      );
    } else if (event.kind === "apply") {
      out.push(
        `<circle cx="${n(x(event.at))}" cy="${y(event.member)}" r="2.5" fill="#204080"><title>apply ${event.first}..${event.last}</title></circle>`,
      );
    }
  }
  out.push("</svg>", "");
  return out.join("\n");
}

function drawAxis(
  out: string[],
  from: number,
  to: number,
  x: (at: number) => number,
  height: number,
): void {
  for (let i = 0; i <= 10; i++) {
    const at = from + ((to - from) * i) / 10;
    out.push(
      `<text x="${n(x(at))}" y="${height - 12}" fill="#555" text-anchor="middle">${(at / 1e6).toFixed(3)} s</text>`,
    );
  }
}

/** A thin line while the process lives, a thick coloured one for its role. */
function drawLives(
  out: string[],
  events: readonly TraceEvent[],
  members: readonly string[],
  scale: {
    readonly from: number;
    readonly to: number;
    readonly x: (at: number) => number;
    readonly y: (member: number) => number;
  },
): void {
  const { from, to, x, y } = scale;
  for (const [member, name] of members.entries()) {
    let since = -1;
    let role = "follower";
    let label = "";
    const close = (at: number): void => {
      if (since < 0 || at < from || since > to) return;
      const start = x(Math.max(since, from));
      const end = x(Math.min(at, to));
      const colour = roleColours[role] ?? "#888";
      const thickness = role === "leader" ? 7 : 4;
      out.push(
        `<line x1="${n(start)}" x2="${n(end)}" y1="${y(member)}" y2="${y(member)}" stroke="${colour}" stroke-width="${thickness}"><title>${escaped(`${name} ${role} ${label}`)}</title></line>`,
      );
    };
    let seen = false;
    for (const event of events) {
      if (event.kind === "started" && event.member === member) {
        seen = true;
        since = event.at;
        role = "follower";
      } else if (event.kind === "stopped" && event.member === member) {
        close(event.at);
        since = -1;
      } else if (event.kind === "role" && event.member === member) {
        close(event.at);
        since = event.at;
        role = event.role;
        label = `of epoch ${event.epoch}`;
      }
    }
    close(to);
    if (seen) out.push(`<text x="8" y="${y(member) + 4}" font-size="14">${escaped(name)}</text>`);
  }
}

function drawMessages(
  out: string[],
  shown: readonly TraceEvent[],
  x: (at: number) => number,
  y: (member: number) => number,
): void {
  const sent = new Map<number, Extract<TraceEvent, { kind: "sent" }>>();
  let drawn = 0;
  for (const event of shown) {
    if (event.kind === "sent") sent.set(event.serial, event);
    if (event.kind !== "delivered" && event.kind !== "lost") continue;
    const start = sent.get(event.serial);
    if (start === undefined || ++drawn > messagesMax) continue;
    const lost = event.kind === "lost";
    const endX = x(event.at);
    const startY = y(event.from);
    const endY = lost ? startY + (y(event.to) - startY) * 0.5 : y(event.to);
    const colour = lost ? "#d06060" : "#9090a0";
    out.push(
      `<line x1="${n(x(start.at))}" y1="${startY}" x2="${n(endX)}" y2="${endY}" stroke="${colour}" stroke-width="0.8"><title>${escaped(start.what)}</title></line>`,
    );
    if (lost) {
      out.push(`<text x="${n(endX - 3)}" y="${endY + 4}" fill="${colour}">×</text>`);
    }
  }
}

function n(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
