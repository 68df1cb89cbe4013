// The campaign itself: as many turns at once as there are workers, always of the hunter that had least of its share. After
// each turn the ledger is written, so that whatever ends the campaign, it can go on.

import { existsSync } from "node:fs";
import { type Bugs, bugLine } from "./bugs.ts";
import type { Finding, Hunter, Turn } from "./hunter.ts";
import { type Ledger, writeLedger } from "./ledger.ts";
import { type Running, start } from "./process.ts";

export interface CampaignOptions {
  readonly folder: string;
  readonly totalMs: number;
  readonly workers: number;
  readonly say: (line: string) => void;
  /** Undefined while the code is what it was. */
  readonly whyStale: () => string | undefined;
}

const turnSecondsMin = 2;
const turnSecondsMax = 120;
const shrinkSecondsMax = 300;

interface Shrinking {
  readonly number: number;
  readonly command: readonly string[];
  readonly file: string;
  readonly replay: string;
}

export class Campaign {
  readonly #hunters: readonly Hunter[];
  readonly #ledger: Ledger;
  readonly #bugs: Bugs;
  readonly #options: CampaignOptions;
  readonly #startedMs = performance.now();
  readonly #elapsedBeforeMs: number;
  readonly #running = new Set<Running>();
  /** Time that turns under way are going to take. */
  readonly #reservedMs = new Map<Hunter, number>();
  readonly #done = new Set<Hunter>();
  readonly #shrinking: Shrinking[] = [];
  #stopped: string | undefined;

  constructor(hunters: readonly Hunter[], ledger: Ledger, bugs: Bugs, options: CampaignOptions) {
    this.#hunters = hunters;
    this.#ledger = ledger;
    this.#bugs = bugs;
    this.#options = options;
    this.#elapsedBeforeMs = ledger.elapsedMs;
  }

  /** Why it ended early, or undefined when its time is over or nothing is left to do. */
  async run(): Promise<string | undefined> {
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#work()));
    this.#save();
    return this.#stopped;
  }

  /** Ends what runs; what it said so far counts. */
  stop(why: string): void {
    this.#stopped ??= why;
    for (const running of this.#running) running.kill();
  }

  get leftMs(): number {
    return Math.max(0, this.#options.totalMs - this.#elapsedMs());
  }

  async #work(): Promise<void> {
    while (this.#stopped === undefined) {
      const why = this.#options.whyStale();
      if (why !== undefined) return this.stop(why);
      const small = this.#shrinking.shift();
      if (small !== undefined) await this.#shrink(small);
      else if (!(await this.#hunt())) return;
    }
  }

  /** One turn of one hunter; false when there is no time, or nothing to do. */
  async #hunt(): Promise<boolean> {
    const leftSeconds = this.leftMs / 1000;
    if (leftSeconds < turnSecondsMin / 2) return false;
    const next = this.#next(Math.min(this.#turnSeconds(), leftSeconds));
    if (next === undefined) return false;
    const { hunter, turn, seconds } = next;
    const { counts, usedMs } = this.#ledger;
    const { name } = hunter;
    counts[name] ??= {};
    const reserve = (ms: number) => {
      this.#reservedMs.set(hunter, (this.#reservedMs.get(hunter) ?? 0) + ms);
    };
    reserve(seconds * 1000);
    const startedMs = performance.now();
    const ended = await this.#process(turn.command, {
      env: turn.env,
      // A little beyond its time, so that a turn can come to its end.
      secondsMax: Math.min(turn.secondsMax, leftSeconds + 2 * seconds + 10),
      onLine: turn.line && ((text) => turn.line?.(text, counts[name]!)),
    });
    reserve(-seconds * 1000);
    usedMs[name] = (usedMs[name] ?? 0) + performance.now() - startedMs;
    if (ended.code !== undefined && this.#stopped === undefined) {
      turn.ended(ended.code, ended, counts[name]);
    }
    this.#save();
    return true;
  }

  #next(seconds: number): { hunter: Hunter; turn: Turn; seconds: number } | undefined {
    const had = (hunter: Hunter) => {
      const { usedMs } = this.#ledger;
      const ms = (usedMs[hunter.name] ?? 0) + (this.#reservedMs.get(hunter) ?? 0);
      return ms / hunter.share;
    };
    const open = this.#hunters.filter((hunter) => !this.#done.has(hunter));
    for (const hunter of open.sort((one, other) => had(one) - had(other))) {
      const number = this.#ledger.turns[hunter.name] ?? 0;
      const turn = hunter.turn(number, seconds, (finding) => this.#found(finding));
      if (turn === undefined) {
        this.#done.add(hunter);
        continue;
      }
      this.#ledger.turns[hunter.name] = number + 1;
      return { hunter, turn, seconds };
    }
    return undefined;
  }

  /** Everybody has several turns, also in a short campaign. */
  #turnSeconds(): number {
    const { totalMs, workers } = this.#options;
    const even = (totalMs * workers) / 1000 / this.#hunters.length / 8;
    return Math.min(turnSecondsMax, Math.max(turnSecondsMin, Math.round(even)));
  }

  #found(finding: Finding): void {
    const bug = this.#bugs.add(finding);
    if (bug === undefined) return;
    this.#options.say(bugLine(bug));
    if (finding.shrink === undefined) return;
    const file = this.#bugs.fileOf(bug, "json");
    this.#shrinking.push({ number: bug.number, file, ...finding.shrink(file) });
  }

  /** Also when the time is over: what was found is worth it. */
  async #shrink({ number, command, file, replay }: Shrinking): Promise<void> {
    await this.#process(command, { secondsMax: shrinkSecondsMax });
    const bug = this.#ledger.bugs[number - 1];
    if (bug === undefined || !existsSync(file)) return;
    bug.small = replay;
    this.#save();
  }

  async #process(command: readonly string[], options: Parameters<typeof start>[1]) {
    const running = start(command, options);
    this.#running.add(running);
    const ended = await running.ended;
    this.#running.delete(running);
    return ended;
  }

  #elapsedMs(): number {
    return this.#elapsedBeforeMs + performance.now() - this.#startedMs;
  }

  #save(): void {
    this.#ledger.elapsedMs = this.#elapsedMs();
    writeLedger(this.#options.folder, this.#ledger);
  }
}
