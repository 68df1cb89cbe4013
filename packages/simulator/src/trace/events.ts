// What happens in a run, as data: the stream that the hash is taken over, that `--trace` tells and
// that a lab can play and step back through. Documented in docs/trace.md; times are microseconds,
// members are their positions in the run's list of names.

export type TraceEvent =
  | { readonly kind: "sent"; at: number; from: number; to: number; serial: number; what: string }
  | { readonly kind: "delivered"; at: number; from: number; to: number; serial: number }
  | {
      readonly kind: "lost";
      at: number;
      from: number;
      to: number;
      serial: number;
      why: string;
    }
  | { readonly kind: "started"; at: number; member: number; life: number; applied: number }
  | { readonly kind: "stopped"; at: number; member: number; why: string }
  | {
      readonly kind: "role";
      at: number;
      member: number;
      role: string;
      epoch: number;
      leader: number;
    }
  | { readonly kind: "membership"; at: number; member: number; what: string }
  | {
      readonly kind: "persist";
      at: number;
      member: number;
      sequence: number;
      truncateFrom: number;
      first: number;
      last: number;
      state: string;
    }
  | { readonly kind: "persisted"; at: number; member: number; sequence: number }
  | { readonly kind: "apply"; at: number; member: number; first: number; last: number }
  | { readonly kind: "hash"; at: number; member: number; index: number; hash: number }
  | { readonly kind: "disk"; at: number; member: number; what: string; bytes: number }
  | { readonly kind: "fault"; at: number; what: string; members: readonly number[] }
  | { readonly kind: "phase"; at: number; what: string }
  | {
      readonly kind: "call";
      at: number;
      client: number;
      serial: number;
      member: number;
      what: string;
    }
  | { readonly kind: "return"; at: number; client: number; serial: number; result: string }
  | { readonly kind: "note"; at: number; member: number; level: string; what: string }
  | { readonly kind: "violation"; at: number; property: string; detail: string };

export interface TraceHeader {
  readonly format: "althing-trace";
  readonly version: 1;
  readonly protocol: string;
  readonly seed: string;
  readonly members: readonly string[];
}
