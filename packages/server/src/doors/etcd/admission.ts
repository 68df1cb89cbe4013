// What is asked of every RPC before its own checks: a member that is fit to serve, a leader where the client
// insists on one, a well-formed API version. Counts requests as etcd's dashboards expect.

import type { CallContext } from "../../transport/index.ts";
import type { MemberView } from "./cluster/member-view.ts";
import type { EtcdErrorCode } from "./errors.ts";

export interface AdmissionCounters {
  /** By the client's API version; beyond a bound of distinct ones they count as "other". */
  readonly requests: { readonly unary: Map<string, number>; readonly stream: Map<string, number> };
}

const apiVersionsMax = 32;

export class Admission {
  readonly counters: AdmissionCounters = { requests: { unary: new Map(), stream: new Map() } };
  private readonly view: MemberView;

  constructor(view: MemberView) {
    this.view = view;
  }

  /** A code: refused. `learnerServes`: the request is one of the few that learners answer. */
  refuse(
    call: CallContext,
    learnerServes: boolean,
    kind: "unary" | "stream" = "unary",
  ): EtcdErrorCode | undefined {
    const version = call.metadata("client-api-version");
    if (version !== undefined && !isUtf8(version)) return "invalidClientApiVersion";
    this.count(kind, version ?? "unknown");
    const status = this.view.recent();
    if (status.state !== "running") return status.state;
    if (status.role === "learner" && !learnerServes && this.view.isLearner) {
      return "learnerUnsupported";
    }
    if (call.metadata("hasleader") === "true" && status.leader === undefined) {
      return "leaderMissing";
    }
    return undefined;
  }

  private count(kind: "unary" | "stream", version: string): void {
    const counts = this.counters.requests[kind];
    const known = counts.get(version);
    if (known !== undefined) counts.set(version, known + 1);
    else if (counts.size < apiVersionsMax) counts.set(version, 1);
    else counts.set("other", (counts.get("other") ?? 0) + 1);
  }
}

const ascii = /^[ -~]*$/;
const strict = new TextDecoder("utf-8", { fatal: true });

/** Header values arrive with one unit per byte. */
function isUtf8(value: string): boolean {
  if (ascii.test(value)) return true;
  try {
    strict.decode(Buffer.from(value, "latin1"));
    return true;
  } catch {
    return false;
  }
}
