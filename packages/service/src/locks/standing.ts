// Which calls of this member stand on one place in a line. Two calls of one lease share the place: one that
// gives up must not take it from under the other, and one that comes while it is given up starts anew.

import type { Key } from "@althing/store";

interface Standing {
  waiting: number;
  /** A call was told that it owns: giving up is over. */
  isHeld: boolean;
  /** It is being given up; these want to know when that is done. */
  afterwards: (() => void)[] | undefined;
}

export interface StandingPlace {
  readonly key: Key;
  readonly createRevision: number;
}

export class Standings {
  readonly #standings = new Map<string, Standing>();

  /** True: it is being given up, and `again` runs once it is gone. */
  isLeaving(place: StandingPlace, again: () => void): boolean {
    const afterwards = this.#standings.get(idOf(place))?.afterwards;
    afterwards?.push(again);
    return afterwards !== undefined;
  }

  wait(place: StandingPlace): void {
    const id = idOf(place);
    const standing = this.#standings.get(id);
    if (standing !== undefined) standing.waiting++;
    else this.#standings.set(id, { waiting: 1, isHeld: false, afterwards: undefined });
  }

  /** A call that did not have to wait is told that it owns. */
  holdAtOnce(place: StandingPlace): void {
    const standing = this.#standings.get(idOf(place));
    if (standing !== undefined) standing.isHeld = true;
  }

  /** A call that waited is told that it owns. */
  hold(place: StandingPlace): void {
    this.holdAtOnce(place);
    this.leave(place);
  }

  /** A call that waited is not told so. True: nobody else stands there, and the place is to be given up. */
  leave(place: StandingPlace): boolean {
    const id = idOf(place);
    const standing = this.#standings.get(id);
    if (standing === undefined) return true;
    standing.waiting--;
    if (standing.waiting > 0) return false;
    this.#standings.delete(id);
    return !standing.isHeld;
  }

  /** `done` is to be called once the place is gone, or nobody tries to give it up any more. */
  giveUp(place: StandingPlace): () => void {
    const id = idOf(place);
    const afterwards: (() => void)[] = [];
    this.#standings.set(id, { waiting: 0, isHeld: false, afterwards });
    return () => {
      this.#standings.delete(id);
      for (const run of afterwards) run();
    };
  }
}

function idOf({ key, createRevision }: StandingPlace): string {
  return `${createRevision} ${key}`;
}
