// Virtual time and the turns of virtual processes. One world is one thread of events; nothing in it
// runs but what was scheduled, and a process that is paused, busy or dead runs nothing at all.
// Time is whole microseconds, so that sums are exact.

import { EventQueue } from "./queue.ts";

export type Micros = number;

/** Something that was scheduled; `cancelled` takes it back. */
class Task {
  readonly owner: Turns | undefined;
  readonly generation: number;
  readonly run: () => void;
  readonly timer: boolean;
  cancelled = false;
  constructor(owner: Turns | undefined, run: () => void, timer: boolean) {
    this.owner = owner;
    this.timer = timer;
    this.generation = owner === undefined ? 0 : owner.generation;
    this.run = run;
  }
}

/** The thread of one process: what it runs waits while it is stalled and is lost when it dies. */
export class Turns {
  /** Rises at each start and each death: what was scheduled for an earlier life never runs. */
  generation = 0;
  stalledUntil: Micros = 0;
  /** A busy process handles everything that has come, then is deaf for so long. */
  turnCost: Micros = 0;
  /** After a stall, expired timers run before the messages that wait (as libuv does). */
  timersFirst = false;
  readonly held: Task[] = [];
}

export class World {
  now: Micros = 0;
  /** Events that ran: the measure of a run's size. */
  steps = 0;
  /** How many of them ran before time came to where it is. */
  stepsBefore = 0;
  readonly #queue = new EventQueue<Task>();
  readonly #afterwards: (() => void)[] = [];

  /** Runs `run` at a time not before now. With an owner: only in its turn, and only in this life. */
  at(time: Micros, owner: Turns | undefined, run: () => void): Task {
    const task = new Task(owner, run, false);
    this.#queue.push(time < this.now ? this.now : time, task);
    return task;
  }

  /** A timer of a process: the same, but told apart from what comes from outside. */
  timer(delay: Micros, owner: Turns, run: () => void): Task {
    const task = new Task(owner, run, true);
    this.#queue.push(this.now + delay, task);
    return task;
  }

  after(delay: Micros, owner: Turns | undefined, run: () => void): Task {
    return this.at(this.now + delay, owner, run);
  }

  /** Runs when the event under way is over: for those who watch. */
  afterwards(run: () => void): void {
    this.#afterwards.push(run);
  }

  /** From an event without owner: runs in the process's turn, at once unless it is stalled. */
  enter(owner: Turns, run: () => void): void {
    if (owner.stalledUntil > this.now || owner.held.length > 0) {
      owner.held.push(new Task(owner, run, false));
      return;
    }
    run();
    if (owner.turnCost > 0) this.stall(owner, this.now + owner.turnCost);
  }

  /** Runs events until `end`, or until there are none. */
  runUntil(end: Micros, stop: () => boolean): void {
    while (this.#queue.nextTime <= end) {
      const time = this.#queue.nextTime;
      const task = this.#queue.pop();
      if (task === undefined) break;
      if (task.cancelled) continue;
      if (time !== this.now) this.stepsBefore = this.steps;
      this.now = time;
      this.#dispatch(task);
      while (this.#afterwards.length > 0) this.#afterwards.pop()?.();
      if (stop()) return;
    }
    if (this.now < end) this.now = end;
  }

  /** The process does nothing before `until`; what comes for it waits. */
  stall(turns: Turns, until: Micros): void {
    if (until <= this.now || until <= turns.stalledUntil) return;
    turns.stalledUntil = until;
    this.at(until, undefined, () => this.#wake(turns));
  }

  /** Ends a stall now. */
  unstall(turns: Turns): void {
    if (turns.stalledUntil <= this.now) return;
    turns.stalledUntil = this.now;
    this.at(this.now, undefined, () => this.#wake(turns));
  }

  #dispatch(task: Task): void {
    const owner = task.owner;
    if (owner === undefined) {
      this.steps++;
      task.run();
      return;
    }
    if (task.generation !== owner.generation) return;
    if (owner.stalledUntil > this.now || owner.held.length > 0) {
      owner.held.push(task);
      return;
    }
    this.steps++;
    task.run();
    if (owner.turnCost > 0) this.stall(owner, this.now + owner.turnCost);
  }

  #wake(turns: Turns): void {
    if (turns.stalledUntil > this.now) return;
    const held = turns.held.splice(0);
    if (turns.timersFirst) held.sort((left, right) => Number(right.timer) - Number(left.timer));
    for (const [position, task] of held.entries()) {
      // A turn may stall the process again (a pause): the rest goes on waiting.
      if (turns.stalledUntil > this.now) {
        turns.held.unshift(...held.slice(position));
        return;
      }
      if (task.cancelled || task.generation !== turns.generation) continue;
      this.steps++;
      task.run();
    }
    if (held.length > 0 && turns.turnCost > 0) this.stall(turns, this.now + turns.turnCost);
  }
}
