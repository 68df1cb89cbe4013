// Commits per second of the log on the disk of this machine, by entries per commit and by how
// writes are made. Run it with `node packages/server/src/disk/log.bench.ts [directory]`; takes ~10 s.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { openLog } from "@althing/log";
import { openNodeDisk } from "./node-disk.ts";

const parent = process.argv[2] ?? tmpdir();
const millisecondsPerRun = 1000;
const payload = new Uint8Array(256).fill(1);
const base = { index: 0, epoch: 0, proposer: "", meta: new Uint8Array(0) };

interface Result {
  readonly commits: number;
  readonly longestMs: number;
}

for (const round of [1, 2]) {
  for (const entriesPerCommit of [1, 10, 100]) {
    for (const [name, inPlaceBytesMax] of [
      ["write in place, sync in the pool", 128 * 1024],
      ["both in the pool", 0],
    ] as const) {
      const { commits, longestMs } = await measure(entriesPerCommit, inPlaceBytesMax);
      const entries = commits * entriesPerCommit;
      console.log(
        `round ${round}  ${String(entriesPerCommit).padStart(3)} entries/commit  ` +
          `${String(commits).padStart(6)} commits/s  ${String(entries).padStart(8)} entries/s  ` +
          `longest ${longestMs.toFixed(1)} ms  ${name}`,
      );
    }
  }
}

async function measure(entriesPerCommit: number, inPlaceBytesMax: number): Promise<Result> {
  const directory = mkdtempSync(join(parent, "althing-bench-"));
  const log = openLog(openNodeDisk(directory, { inPlaceBytesMax }), { base, crc32 });
  const started = performance.now();
  let commits = 0;
  let index = 0;
  let longestMs = 0;
  await new Promise<void>((resolve, reject) => {
    const commit = () => {
      const begun = performance.now();
      const entries = Array.from({ length: entriesPerCommit }, () => {
        index += 1;
        return { index, epoch: 1, proposer: "", kind: "command" as const, payload };
      });
      log.append({ entries }, (error) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        commits += 1;
        const now = performance.now();
        longestMs = Math.max(longestMs, now - begun);
        if (now - started < millisecondsPerRun) commit();
        else resolve();
      });
    };
    commit();
  });
  const seconds = (performance.now() - started) / 1000;
  await new Promise<void>((resolve) => log.close(resolve));
  rmSync(directory, { recursive: true });
  return { commits: Math.round(commits / seconds), longestMs };
}
