// Automatic compaction as etcd does it: keep so many revisions, or so much time. Only the leader
// proposes; everybody keeps the samples, so that a new leader knows the past as well.

import type { Config } from "./config/config.ts";

type Retention = Config["autoCompaction"];

export interface AutoCompactionOptions {
  readonly retention: Retention;
  readonly revision: () => number;
  readonly isLeader: () => boolean;
  readonly compact: (revision: number) => void;
}

const hourMs = 3_600_000;
const revisionIntervalMs = 5 * 60_000;

/** How often `tick` wants to be called. 0: never. */
export function compactionIntervalMs(retention: Retention): number {
  if (retention.mode === "off") return 0;
  if (retention.mode === "revision") return revisionIntervalMs;
  return Math.min(retention.retentionMs, hourMs) / 10;
}

export function createAutoCompaction(options: AutoCompactionOptions): () => void {
  const { retention } = options;
  if (retention.mode === "off") return () => {};
  return retention.mode === "revision"
    ? keepRevisions(options, retention.revisions)
    : keepTime(options, retention.retentionMs);
}

function keepRevisions(options: AutoCompactionOptions, revisions: number): () => void {
  let compacted = 0;
  return () => {
    const target = options.revision() - revisions;
    if (target <= 0 || target === compacted || !options.isLeader()) return;
    compacted = target;
    options.compact(target);
  };
}

/** Samples every tenth of min(retention, 1 h); compacts every ten samples, to the oldest kept. */
function keepTime(options: AutoCompactionOptions, retentionMs: number): () => void {
  const samplesKept = Math.round((10 * retentionMs) / Math.min(retentionMs, hourMs));
  const samples: number[] = [];
  let waited = 10;
  return () => {
    samples.push(options.revision());
    if (samples.length <= samplesKept) return;
    // Taken just as long ago as the history is to reach back.
    const target = samples.shift()!;
    if (++waited < 10 || !options.isLeader() || target <= 1) return;
    waited = 0;
    options.compact(target);
  };
}
