// Locks and elections: whoever is told that it owns was the first in line at some moment while it waited
// (so a lease that had ended owns nothing, corpus 64, and nobody overtakes); no two are told so with the
// same token (a create revision), nor does one session take two places (corpus 65); what is guarded by
// a token is never written under an older one; and an observer sees the owners in order.

import type { Key, LeaseId } from "@althing/store";
import type { Change, Reference } from "../observe/reference.ts";
import type { Verdicts } from "./verdicts.ts";

/** Who was first under a name, for a while; a token 0: nobody. */
interface Reign {
  readonly key: Key;
  readonly token: number;
  readonly from: number;
  until: number;
}

export class SuccessionOrder {
  readonly #verdicts: Verdicts;
  readonly #reference: Reference;
  readonly #now: () => number;
  readonly #places = new Map<string, Map<Key, number>>();
  readonly #reigns = new Map<string, Reign[]>();
  /** By name and token. */
  readonly #holders = new Map<string, Key>();
  readonly #guarded = new Map<string, number>();

  constructor(verdicts: Verdicts, reference: Reference, now: () => number) {
    this.#verdicts = verdicts;
    this.#reference = reference;
    this.#now = now;
    reference.listeners.push({
      leaseEnded: () => {},
      changed: (changes) => {
        for (const change of changes) this.#changed(change);
      },
    });
  }

  /** A place was taken, or found to be had already, as the answer of `revision` says. */
  entered(place: {
    readonly key: Key;
    readonly token: number;
    readonly lease: LeaseId;
    readonly revision: number;
  }): void {
    const there = this.#reference.versionAt(place.key, place.revision);
    if (there?.create === place.token && there.lease === place.lease) return;
    this.#violate(
      `${place.key} was entered with token ${place.token} at revision ${place.revision}; ` +
        `there it had ${there?.create ?? "no place"}`,
    );
  }

  /** Somebody that began to wait at `since` is told that it owns. */
  owns(name: string, key: Key, token: number, since: number): void {
    const id = `${name} ${token}`;
    const other = this.#holders.get(id);
    if (other !== undefined && other !== key) {
      this.#violate(`${other} and ${key} both hold ${name} with token ${token}`);
    }
    this.#holders.set(id, key);
    if (this.#reigned(name, since, (reign) => reign.key === key && reign.token === token)) return;
    this.#violate(`${key} was told that it owns ${name} with token ${token}, and was never first`);
  }

  /** Somebody is told that its session has expired; when it asked, `revision` was committed. */
  expired(key: Key, revision: number): void {
    const there = this.#reference.versionAt(key, this.#reference.revision);
    if (there === undefined || there.create > revision) return;
    this.#violate(`${key} has its place since ${there.create}, and was told that it had lost it`);
  }

  /** Somebody that asked at `since` is told who owns; an empty key: nobody. */
  observed(name: string, key: Key, token: number, since: number): void {
    if (this.#reigned(name, since, (reign) => reign.key === key && reign.token === token)) return;
    this.#violate(`${name} was said to be owned by ${key === "" ? "nobody" : key} (${token})`);
  }

  #reigned(name: string, since: number, wanted: (reign: Reign) => boolean): boolean {
    const reigns = this.#reigns.get(name) ?? [];
    for (let i = reigns.length - 1; i >= 0; i--) {
      const reign = reigns[i] as Reign;
      if (reign.until < since) return false;
      if (wanted(reign)) return true;
    }
    return reigns.length === 0 && wanted({ key: "", token: 0, from: 0, until: 0 });
  }

  #changed(change: Change): void {
    const [kind = "", name = "", rest] = change.key.split("/");
    if (kind === "guarded") this.#wroteGuarded(name, change);
    if (kind !== "lock" || rest === undefined) return;
    const lock = `lock/${name}`;
    let places = this.#places.get(lock);
    if (places === undefined) {
      places = new Map();
      this.#places.set(lock, places);
    }
    if (change.isDelete) places.delete(change.key);
    else places.set(change.key, change.create);
    this.#reign(lock, places);
  }

  #reign(name: string, places: ReadonlyMap<Key, number>): void {
    let first: Key = "";
    let token = 0;
    for (const [key, create] of places) {
      if (token !== 0 && create >= token) continue;
      first = key;
      token = create;
    }
    const now = this.#now();
    let reigns = this.#reigns.get(name);
    if (reigns === undefined) {
      reigns = [{ key: "", token: 0, from: 0, until: Number.POSITIVE_INFINITY }];
      this.#reigns.set(name, reigns);
    }
    const last = reigns.at(-1) as Reign;
    if (last.key === first && last.token === token) return;
    last.until = now;
    reigns.push({ key: first, token, from: now, until: Number.POSITIVE_INFINITY });
  }

  /** The value of what a lock guards is the token under which it was written. */
  #wroteGuarded(name: string, { value, isDelete }: Change): void {
    if (isDelete) return;
    const before = this.#guarded.get(name) ?? 0;
    if (value < before) this.#violate(`${name} was written under token ${value} after ${before}`);
    this.#guarded.set(name, value);
  }

  #violate(detail: string): void {
    this.#verdicts.violate("succession", detail);
  }
}
