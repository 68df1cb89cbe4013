// What may happen next: moves, each by one member or on one connection. Members are places in the list.

export type Move =
  | { readonly kind: "deliver" | "drop"; readonly from: number; readonly to: number }
  | { readonly kind: "persist" | "install" | "crashInInstall" | "beat"; readonly at: number }
  | { readonly kind: "compact" | "propose" | "campaign"; readonly at: number }
  | { readonly kind: "crash"; readonly at: number; readonly written: number }
  | { readonly kind: "remove" | "transfer"; readonly at: number; readonly member: number }
  /** The oldest stream that a leader was asked for arrives as a whole, or breaks. */
  | { readonly kind: "stream"; readonly ok: boolean };

/** As a line of an interaction script. */
export function describeMove(move: Move, name: (place: number) => string): string {
  switch (move.kind) {
    case "deliver":
    case "drop":
      return `${move.kind} ${name(move.from)}->${name(move.to)} 1`;
    case "persist":
      return `persist ${name(move.at)} 1`;
    case "install":
    case "compact":
      return `${move.kind} ${name(move.at)}`;
    case "propose":
      return `propose ${name(move.at)} x`;
    case "beat":
      return `tick ${name(move.at)}`;
    case "crashInInstall":
      return `crash-in-install ${name(move.at)}`;
    case "campaign":
      return `campaign ${name(move.at)}`;
    case "crash":
      return `crash ${name(move.at)} after ${move.written} writes, restart ${name(move.at)}`;
    case "remove":
      return `change ${name(move.at)} remove ${name(move.member)}`;
    case "transfer":
      return `transfer ${name(move.at)} ${name(move.member)}`;
    case "stream":
      return move.ok ? "snapshot" : "snapshot fail";
  }
}
