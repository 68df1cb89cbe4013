// A lease held for as long as somebody wants it. It counts as lost on this machine's own clock, a little
// before the cluster can have given away what hangs on it: whoever holds something must know first.

import { etcdCodecs as codecs } from "@althing/wire";
import { CliError } from "../exit-codes.ts";
import type { GrpcClient } from "../grpc-client.ts";

export interface Lease {
  readonly id: bigint;
  /** Seconds. */
  readonly ttl: number;
}

/** Of the time to live: clocks run at different speeds, and to stop takes time as well. */
const safeShare = 0.9;

export async function grantLease(client: GrpcClient, seconds: number): Promise<Lease> {
  const { ID, TTL } = await client.unary(
    "etcdserverpb.Lease/LeaseGrant",
    codecs.LeaseGrantRequest,
    codecs.LeaseGrantResponse,
    { TTL: seconds },
  );
  return { id: ID, ttl: TTL };
}

export async function revokeLease(client: GrpcClient, ID: bigint): Promise<void> {
  await client.unary(
    "etcdserverpb.Lease/LeaseRevoke",
    codecs.LeaseRevokeRequest,
    codecs.LeaseRevokeResponse,
    { ID },
  );
}

export class LeaseKeeper {
  readonly #client: GrpcClient;
  readonly #lease: Lease;
  readonly #lost = new AbortController();
  /** By this machine's monotonic clock, when the lease may be over for all that is known here. */
  #safeUntilMs: number;
  #timer: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #isRenewing = false;
  #isStopped = false;

  /** `grantedAtMs` is when it was asked for, not when it was answered. */
  constructor(client: GrpcClient, lease: Lease, grantedAtMs: number = performance.now()) {
    // What is under way elsewhere must not end because a renewal has to move on.
    this.#client = client.fork();
    this.#lease = lease;
    this.#safeUntilMs = grantedAtMs + lease.ttl * 1000 * safeShare;
  }

  /** Aborted, with the reason, as soon as the lease cannot be relied on. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  start(): void {
    this.#armDeadline();
    this.#timer = setInterval(() => this.#renewOrMoveOn(), (this.#lease.ttl * 1000) / 3);
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#deadline);
    this.#client.close();
  }

  /** One renewal: the seconds that it lasts from now on, or undefined when there is no such lease. */
  async renew(): Promise<number | undefined> {
    const askedAtMs = performance.now();
    let ttl = 0;
    const stream = await this.#client.openStream({
      method: "etcdserverpb.Lease/LeaseKeepAlive",
      requests: codecs.LeaseKeepAliveRequest,
      responses: codecs.LeaseKeepAliveResponse,
      take: (answer) => {
        ttl = answer.TTL;
        stream.cancel();
      },
    });
    const patience = setTimeout(
      () => stream.cancel(new Error("no answer")),
      Math.max(1_000, (this.#lease.ttl * 1000) / 3),
    );
    stream.send({ ID: this.#lease.id });
    await stream.ended.finally(() => clearTimeout(patience));
    if (ttl <= 0) return undefined;
    this.#safeUntilMs = askedAtMs + ttl * 1000 * safeShare;
    return ttl;
  }

  async #renewOrMoveOn(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    try {
      if ((await this.renew()) === undefined) this.#lose("the lease has ended");
      else this.#armDeadline();
    } catch (error) {
      if (this.#lost.signal.aborted || this.#isStopped) return;
      process.stderr.write(`althing: the lease was not renewed: ${(error as Error).message}\n`);
      this.#client.moveOn();
    } finally {
      this.#isRenewing = false;
    }
  }

  #armDeadline(): void {
    clearTimeout(this.#deadline);
    if (this.#lost.signal.aborted) return;
    this.#deadline = setTimeout(() => {
      // It may have been renewed while this process slept; time tells, not the timer.
      if (performance.now() < this.#safeUntilMs) this.#armDeadline();
      else this.#lose("the lease could not be renewed in time");
    }, this.#safeUntilMs - performance.now());
  }

  #lose(why: string): void {
    this.stop();
    this.#lost.abort(new CliError(1, why));
  }
}
