// `althing watch`: every change of some keys as it comes, once and in order, also when the member that told of
// them is gone: another one is asked for what followed.

import { spawn } from "node:child_process";
import { etcdCodecs as codecs, type EtcdMessage } from "@althing/wire";
import { type Asked, clientCommand } from "../client-command.ts";
import { wholeNumber } from "../command.ts";
import { CliError, exitCode } from "../exit-codes.ts";
import { goOnElsewhere } from "../going-on.ts";
import { GrpcFailure } from "../grpc-failure.ts";
import type { ClientStream } from "../grpc-stream.ts";
import { textOrBase64, writeEvent } from "../print.ts";
import { describeKeyValue } from "./get.ts";
import { keyRange, rangeOptions } from "./key-range.ts";

type Event = EtcdMessage<"Event">;

export const watchCommand = clientCommand({
  name: "watch",
  summary: "Tell of every change of some keys, as it comes",
  takes: "KEY [END] [options] [-- COMMAND ...]",
  about: `Prints each put and each delete of a key, or of all keys from KEY up to END, in order and once. When a
member is lost it goes on at another one from where it was. With --rev it begins in the past; when that
history is gone (compacted), it says so and ends with ${exitCode.failed}. A command behind -- is run for each event, one at
a time, with ALTHING_EVENT (put or delete), ALTHING_KEY, ALTHING_VALUE and ALTHING_REVISION in its environment.`,
  options: [
    ...rangeOptions,
    {
      name: "rev",
      kind: "text",
      value: "N",
      help: "From this revision on, instead of from now on",
    },
    { name: "prev-kv", kind: "boolean", help: "With what was there before" },
    { name: "count", kind: "text", value: "N", help: "End after so many events" },
  ],
  words: ["the key"],
  maybe: ["the end of the range"],
  runs: true,
  examples: [
    { command: "althing watch greeting", what: "then put it in another terminal" },
    { command: "althing watch --prefix config/ -o jsonl", what: "a line of JSON for each change" },
    { command: "althing watch --prefix config/ -- ./reload.sh", what: "a command for each change" },
  ],
  async run(asked) {
    const watch = new Watch(asked);
    for (let failures = 0; ; failures++) {
      try {
        await watch.follow(() => {
          failures = 0;
        });
        return exitCode.ok;
      } catch (error) {
        if (!mayComeBack(error) || !watch.hasBegun) throw error;
        await goOnElsewhere(asked.client, error as Error, { failures, msMax: 5_000 });
      }
    }
  },
});

/** A connection that broke, a member that stops or has no leader; not what was refused. */
function mayComeBack(error: unknown): boolean {
  if (error instanceof GrpcFailure) return false;
  return error instanceof CliError && error.exitCode !== exitCode.usage && !(error instanceof Gone);
}

class Gone extends CliError {}

class Watch {
  /** It is known from which revision on: nothing is lost by asking again. */
  hasBegun = false;
  readonly #asked: Asked;
  readonly #request: {
    readonly key: Uint8Array;
    readonly range_end: Uint8Array;
    readonly prev_kv: boolean;
  };
  #next: number;
  /** Events that are still to be told; Infinity if no end was asked for. */
  #left: number;
  /** The command for what came so far. */
  #commands: Promise<void> = Promise.resolve();
  #queued = 0;

  constructor(asked: Asked) {
    const { parsed, wrong } = asked;
    this.#asked = asked;
    const { key, rangeEnd } = keyRange(watchCommand, parsed);
    this.#request = { key, range_end: rangeEnd, prev_kv: parsed.flag("prev-kv") };
    this.#next = wholeNumber(watchCommand, parsed, "rev");
    this.hasBegun = this.#next > 0;
    this.#left =
      parsed.text("count") === undefined
        ? Number.POSITIVE_INFINITY
        : wholeNumber(watchCommand, parsed, "count");
    if (this.#left < 1) throw wrong("--count must be at least 1");
  }

  /** Until there were as many events as were asked for. */
  async follow(onHeard: () => void): Promise<void> {
    const stream = await this.#asked.client.openStream({
      method: "etcdserverpb.Watch/Watch",
      requests: codecs.WatchRequest,
      responses: codecs.WatchResponse,
      take: (response) => {
        onHeard();
        this.#check(response);
        if (response.created && this.#next === 0) this.#next = (response.header?.revision ?? 0) + 1;
        this.hasBegun = true;
        this.#tell(response.events, stream);
      },
    });
    stream.send({ create_request: { ...this.#request, start_revision: this.#next } });
    await stream.ended;
  }

  #check(response: EtcdMessage<"WatchResponse">): void {
    if (!response.canceled) return;
    if (response.compact_revision > 0) {
      throw new Gone(
        exitCode.failed,
        `what happened before revision ${response.compact_revision} is gone: it was compacted`,
        ["Read the keys as they are now with `althing get`, and watch from its revision on."],
      );
    }
    throw new Gone(exitCode.failed, `the watch was ended: ${response.cancel_reason}`);
  }

  #tell(events: readonly Event[], stream: ClientStream<unknown>): void {
    const wanted = events.slice(0, this.#left);
    if (wanted.length === 0) return;
    this.#left -= wanted.length;
    const done = () => {
      this.#next = (wanted.at(-1)?.kv?.mod_revision ?? 0) + 1;
      if (this.#left === 0) stream.cancel();
    };
    if (this.#asked.rest.length === 0) {
      const { form } = this.#asked;
      for (const event of wanted) writeEvent(form, describe(event), () => writePlain(event));
      done();
      return;
    }
    // More may have come with it already: one after the other, and the server waits meanwhile.
    stream.pause();
    this.#queued++;
    this.#commands = this.#commands
      .then(() => this.#runForEach(wanted))
      .then(done)
      .then(
        () => {
          if (--this.#queued === 0) stream.resume();
        },
        (error) => stream.cancel(error),
      );
  }

  async #runForEach(events: readonly Event[]): Promise<void> {
    const [program = "", ...args] = this.#asked.rest;
    for (const event of events) {
      const { kv } = event;
      const env = {
        ...process.env,
        ALTHING_EVENT: kindOf(event),
        ALTHING_KEY: textOf(kv?.key),
        ALTHING_VALUE: textOf(kv?.value),
        ALTHING_REVISION: String(kv?.mod_revision ?? 0),
      };
      await new Promise<void>((resolve, reject) => {
        const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], env });
        child.once("error", (error) =>
          reject(new Gone(exitCode.failed, `${program} cannot be run: ${error.message}`)),
        );
        child.once("close", () => resolve());
      });
    }
  }
}

function kindOf(event: Event): "put" | "delete" {
  return event.type === 1 ? "delete" : "put";
}

function textOf(bytes: Uint8Array | undefined): string {
  // No environment holds a zero byte.
  return Buffer.from(bytes ?? [])
    .toString("utf8")
    .replaceAll("\0", "\uFFFD");
}

function describe(event: Event) {
  const { kv, prev_kv } = event;
  const previous = prev_kv === undefined ? {} : { previous: describeKeyValue(prev_kv) };
  if (kv === undefined) return { event: kindOf(event), ...previous };
  return kindOf(event) === "put"
    ? { event: "put", ...describeKeyValue(kv), ...previous }
    : {
        event: "delete",
        ...textOrBase64("key", kv.key),
        modRevision: kv.mod_revision,
        ...previous,
      };
}

/** As etcdctl prints it: the kind, the key and, of a put, the value. */
function writePlain(event: Event): void {
  const newline = Buffer.from("\n");
  const parts: Uint8Array[] = [Buffer.from(`${kindOf(event).toUpperCase()}\n`)];
  for (const kv of [event.prev_kv, event.kv]) {
    if (kv === undefined) continue;
    parts.push(kv.key, newline);
    if (kv === event.prev_kv || kindOf(event) === "put") parts.push(kv.value, newline);
  }
  process.stdout.write(Buffer.concat(parts));
}
