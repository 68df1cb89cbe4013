// What a lock and a won election have in common: a lease kept alive, a wait for one's turn, a token that only
// grows, a command that runs meanwhile and is stopped when the claim is lost.

import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { etcdCodecs as codecs } from "@althing/wire";
import type { Asked } from "../client-command.ts";
import { hexId } from "../cluster/members.ts";
import type { Option } from "../command.ts";
import { CliError, exitCode } from "../exit-codes.ts";
import { goOnElsewhere } from "../going-on.ts";
import { GrpcFailure } from "../grpc-failure.ts";
import { grantLease, LeaseKeeper, revokeLease } from "../leases/lease-keeper.ts";
import { writeEvent, writeLine } from "../print.ts";

export const holdOptions: readonly Option[] = [
  {
    name: "ttl",
    kind: "text",
    value: "SECONDS",
    help: "How long it outlives a process that was killed or cut off; 10 if not given",
  },
  {
    name: "wait",
    kind: "text",
    value: "SECONDS",
    help: "Give up after so long; never if not given",
  },
  {
    name: "grace",
    kind: "text",
    value: "SECONDS",
    help: "How long the command has to end when it is lost, before it is killed; 2 if not given",
  },
];

export interface Held {
  readonly key: Uint8Array;
  /** Greater than that of whoever held it before. */
  readonly token: number;
}

export interface Claim {
  /** "the lock", "the election". */
  readonly what: string;
  /** Of what a command finds in its environment: ALTHING_LOCK_TOKEN. */
  readonly prefix: "LOCK" | "ELECTION";
  /** Waits for one's turn. Asked again with the same lease it goes on waiting in the same place. */
  acquire(lease: bigint, signal: AbortSignal): Promise<Uint8Array>;
}

export async function hold(asked: Asked, claim: Claim): Promise<number> {
  const { client, parsed, words, form, rest } = asked;
  const ttl = secondsIn(asked, "ttl", 10);
  const grace = secondsIn(asked, "grace", 2);
  const stop = new AbortController();
  const interrupted = new CliError(exitCode.interrupted, "interrupted");
  const onSignal = () => stop.abort(interrupted);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
  const askedAtMs = performance.now();
  const lease = await grantLease(client, ttl);
  const keeper = new LeaseKeeper(client, lease, askedAtMs);
  keeper.start();
  try {
    const patience = parsed.text("wait") === undefined ? undefined : secondsIn(asked, "wait", 0);
    const held = await acquire(asked, claim, lease.id, patience, [stop.signal, keeper.lost]);
    const key = Buffer.from(held.key).toString("utf8");
    if (rest.length > 0) {
      const named = { NAME: words[0] ?? "", KEY: key, TOKEN: String(held.token) };
      const env = Object.entries(named).map(([name, value]) => [
        `ALTHING_${claim.prefix}_${name}`,
        value,
      ]);
      // Scripts that were written for etcdctl find what they look for.
      const etcds =
        claim.prefix === "LOCK" ? { ETCD_LOCK_KEY: key, ETCD_LOCK_REV: named.TOKEN } : {};
      return await runMeanwhile(
        rest,
        { ...process.env, ...Object.fromEntries(env), ...etcds },
        { stop: stop.signal, lost: keeper.lost, grace, what: claim.what },
      );
    }
    const value = { key, token: held.token, lease: hexId(lease.id) };
    writeEvent(form, value, () => writeLine(`${key}\n${held.token}`));
    await aborted([stop.signal, keeper.lost]);
    if (keeper.lost.aborted) throw lostError(claim.what, keeper.lost.reason);
    return exitCode.ok;
  } finally {
    keeper.stop();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
    if (!keeper.lost.aborted) await giveBack(asked, claim.what, lease.id, ttl);
  }
}

async function acquire(
  { client }: Asked,
  claim: Claim,
  lease: bigint,
  patience: number | undefined,
  signals: readonly AbortSignal[],
): Promise<Held> {
  const late = new AbortController();
  const timer =
    patience === undefined
      ? undefined
      : setTimeout(() => {
          late.abort(
            new CliError(exitCode.timedOut, `${claim.what} was not free within ${patience} s`),
          );
        }, patience * 1000);
  const signal = AbortSignal.any([...signals, late.signal]);
  try {
    for (let failures = 0; ; failures++) {
      try {
        const key = await claim.acquire(lease, signal);
        const { kvs } = await client.unary(
          "etcdserverpb.KV/Range",
          codecs.RangeRequest,
          codecs.RangeResponse,
          { key },
        );
        if (kvs[0] === undefined) throw lostError(claim.what, new Error("its lease has ended"));
        return { key, token: kvs[0].create_revision };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof GrpcFailure || (error as CliError).exitCode === exitCode.usage)
          throw error;
        if (error instanceof Lost) throw error;
        await goOnElsewhere(client, error as Error, { failures, msMax: 2_000, signal });
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

class Lost extends CliError {}

function lostError(what: string, reason: Error): Lost {
  return new Lost(exitCode.failed, `${what} is lost: ${reason.message}`);
}

async function runMeanwhile(
  [program = "", ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  until: { stop: AbortSignal; lost: AbortSignal; grace: number; what: string },
): Promise<number> {
  const child = spawn(program, args, { stdio: "inherit", env });
  const end = () => endWithin(child, until.grace);
  until.stop.addEventListener("abort", end);
  until.lost.addEventListener("abort", end);
  if (until.stop.aborted || until.lost.aborted) end();
  const ended = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.once("error", (error) =>
        reject(new CliError(exitCode.failed, `${program} cannot be run: ${error.message}`)),
      );
      child.once("close", (code, signal) => resolve({ code, signal }));
    },
  );
  if (until.lost.aborted) throw lostError(until.what, until.lost.reason);
  return ended.code ?? 128 + (constants.signals[ended.signal ?? "SIGTERM"] ?? 0);
}

/** Asked first, made to when the time is over. */
function endWithin(child: ChildProcess, seconds: number): void {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
  child.once("close", () => clearTimeout(timer));
}

async function giveBack(asked: Asked, what: string, lease: bigint, ttl: number): Promise<void> {
  try {
    await revokeLease(asked.client, lease);
  } catch (error) {
    process.stderr.write(
      `althing: ${what} could not be given back (${(error as Error).message}); it is free again within ${ttl} s\n`,
    );
  }
}

function secondsIn({ parsed, wrong }: Asked, name: string, fallback: number): number {
  const text = parsed.text(name);
  if (text === undefined) return fallback;
  const seconds = Number(text);
  const isWhole = name !== "ttl" || Number.isSafeInteger(seconds);
  if (text === "" || !(seconds > 0) || !isWhole) {
    throw wrong(`--${name} must be a number of seconds, not "${text}"`);
  }
  return seconds;
}

function aborted(signals: readonly AbortSignal[]): Promise<void> {
  const signal = AbortSignal.any([...signals]);
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}
