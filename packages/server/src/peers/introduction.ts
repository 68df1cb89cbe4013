// A member vouches for another: "at this index of the log X is a member of our cluster, that is its key, there
// it is reached", signed. A member keeps what others signed for it and shows it to whoever does not know it yet.
// So one that was away is introduced to those who joined meanwhile by members that it can verify, whether or
// not these are up, and takes nobody's own word for it. Whose log goes beyond that index knows by itself
// whether X is a member: what was signed for one that was removed since opens nothing there.

import type { MemberId } from "@althing/consensus";
import { type DiskKey, isSignedBy } from "./proof.ts";

export interface Introduction {
  readonly introducer: MemberId;
  readonly member: MemberId;
  readonly identity: string;
  readonly urls: readonly string[];
  /** An index of the log at which it was a member. */
  readonly asOf: number;
  readonly signature: string;
}

type Subject = Pick<Introduction, "member" | "identity" | "urls" | "asOf">;

export function introduce(
  clusterId: string,
  introducer: MemberId,
  key: DiskKey,
  { member, identity, urls, asOf }: Subject,
): Introduction {
  const subject = { introducer, member, identity, urls: fewOf(urls), asOf };
  return { ...subject, signature: key.sign(statementOf(clusterId, subject)) };
}

/** `introducerIdentity`: the key that the reader itself holds the introducer to. */
export function isIntroduction(
  clusterId: string,
  introduction: Introduction,
  introducerIdentity: string,
): boolean {
  return isSignedBy(
    introducerIdentity,
    statementOf(clusterId, introduction),
    introduction.signature,
  );
}

const urlsMax = 4;
const urlCharactersMax = 600;

/** The first of them, and as many more as leave room in one frame of a handshake for what all introducers sign. */
function fewOf(urls: readonly string[]): readonly string[] {
  let characters = 0;
  return urls.filter((url, place) => {
    characters += url.length;
    return place < urlsMax && characters <= urlCharactersMax;
  });
}

function statementOf(clusterId: string, subject: Omit<Introduction, "signature">): string {
  const { introducer, member, identity, urls, asOf } = subject;
  return JSON.stringify(["althing member", clusterId, introducer, member, identity, asOf, ...urls]);
}

/** As many as fit into a handshake; the newest introducers know most of those that a member may meet. */
const keptMax = 12;

export interface IntroductionStore {
  read(): readonly Introduction[];
  write(introductions: readonly Introduction[]): void;
}

/** What others have signed for this member. */
export class Introductions {
  #kept: readonly Introduction[];
  readonly #store: IntroductionStore | undefined;

  constructor(store?: IntroductionStore) {
    this.#store = store;
    this.#kept = store?.read().slice(-keptMax) ?? [];
  }

  all(): readonly Introduction[] {
    return this.#kept;
  }

  keep(introduction: Introduction): void {
    const { introducer, signature } = introduction;
    // Signatures of Ed25519 are the same for the same words: only what is new is written.
    if (this.#kept.some((one) => one.introducer === introducer && one.signature === signature)) {
      return;
    }
    const others = this.#kept.filter((one) => one.introducer !== introducer);
    this.#kept = [...others, introduction].slice(-keptMax);
    this.#store?.write(this.#kept);
  }
}
