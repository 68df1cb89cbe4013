// What a member that is added at run time is called and how it may be reached, by etcd's rules.

import { createHash } from "node:crypto";
import { parsePeerUrl } from "../../../peers/index.ts";

/** As etcd computes it: its peer URLs, sorted, then the unix seconds of its addition. */
export function newMemberId(sortedPeerUrls: readonly string[], nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const content = sortedPeerUrls.join("") + seconds;
  return createHash("sha1").update(content).digest("hex").slice(0, 16);
}

export function arePeerUrls(urls: readonly string[]): boolean {
  return (
    urls.length > 0 && urls.every((url) => !url.endsWith("/") && parsePeerUrl(url) !== undefined)
  );
}
