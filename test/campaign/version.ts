// Which code a campaign judges: the commit, and a hash of what differs from it. Its figures are worth nothing
// if the code changes while it runs, so it asks again before every turn.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { root } from "./paths.ts";

export function codeVersion(): string {
  const commit = git("rev-parse", "--short=12", "HEAD").trim();
  if (commit === "") return "unknown";
  const changes = git("diff", "HEAD", "--", "packages", "test", "package-lock.json");
  if (changes === "") return commit;
  return `${commit}-${createHash("sha256").update(changes).digest("hex").slice(0, 8)}`;
}

function git(...args: string[]): string {
  const { status, stdout } = spawnSync("git", args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return status === 0 ? stdout : "";
}
