// Puts a staged snapshot in place: first the state, durably; then the log begins anew after it; then
// the core is told. A crash in between leaves a state ahead of its log, which recovery knows (corpus:
// restore-swap-then-fail). It waits until nothing is being applied or written (corpus:
// install-snapshot-races-apply).

import {
  encodeMembership,
  keepsLogAfterSnapshot,
  type LogPoint,
  type Protocol,
} from "@althing/consensus";
import type { Log } from "@althing/log";
import type { SnapshotWriter } from "../state-machine.ts";
import type { Turn } from "../turn.ts";
import type { SnapshotReceiver } from "./receiver.ts";

export class SnapshotInstaller {
  readonly #turn: Turn;
  readonly #log: Log;
  readonly #protocol: Protocol;
  readonly #receiver: SnapshotReceiver;
  /** Nothing is applied and nothing written. */
  readonly #isQuiet: () => boolean;
  readonly #installed: (point: LogPoint) => void;
  #wanted: { readonly point: LogPoint; readonly writer: SnapshotWriter } | undefined;

  constructor(
    turn: Turn,
    parts: { log: Log; protocol: Protocol; receiver: SnapshotReceiver },
    isQuiet: () => boolean,
    installed: (point: LogPoint) => void,
  ) {
    this.#turn = turn;
    this.#log = parts.log;
    this.#protocol = parts.protocol;
    this.#receiver = parts.receiver;
    this.#isQuiet = isQuiet;
    this.#installed = installed;
  }

  request(point: LogPoint): void {
    const writer = this.#receiver.take(point);
    if (writer === undefined) {
      this.#turn.fail(
        `the core asks for a snapshot at ${point.index} that is not staged`,
        undefined,
      );
      return;
    }
    this.#wanted = { point, writer };
  }

  /** Called at the end of every flush. */
  maybeInstall(): void {
    const wanted = this.#wanted;
    if (wanted === undefined || !this.#isQuiet()) return;
    this.#wanted = undefined;
    const { point, writer } = wanted;
    writer.install((error) => {
      if (error !== undefined) this.#turn.fail("the snapshot could not be installed", error);
      else this.#follow(point);
    });
  }

  #follow(point: LogPoint): void {
    this.#installed(point);
    const { index, epoch, proposer, membership } = point;
    const base = { index, epoch, proposer, meta: encodeMembership(membership) };
    const done = (error: Error | undefined) => {
      if (error !== undefined) {
        this.#turn.fail("the log could not follow the snapshot", error);
        return;
      }
      this.#receiver.installed();
      this.#turn.observe({ kind: "snapshot.installed", level: "info", index });
      this.#turn.step({ kind: "snapshotInstalled", point });
      this.#turn.schedule();
    };
    if (keepsLogAfterSnapshot(this.#protocol)) this.#log.compact(base, done);
    else this.#log.reset(base, done);
  }
}
