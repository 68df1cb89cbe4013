// Whose disks this member has met: a peer that has not published itself yet is held to the identity it
// first came with. Without it a voter that lost its disk before a lagging member heard of it could vote a
// second time, with that member's help (corpus: reformatted-node-forgets-promise). Durable before the
// first message is exchanged; written once per peer, so it may be written at once.

import { crc32 } from "@althing/bytes";
import type { MemberId } from "@althing/consensus";
import { type Disk, DiskError } from "@althing/log";

const fileName = "acquaintances";
const unfinishedName = "acquaintances-unfinished";
const header = "althing acquaintances 1";

export class Acquaintances {
  readonly #disk: Disk;
  readonly #met: Map<MemberId, string>;
  /** What stood there could not be read: everybody is met anew. */
  readonly wasUnreadable: boolean;

  constructor(disk: Disk) {
    this.#disk = disk;
    const found = disk.list().includes(fileName) ? parse(disk.readAll(fileName)) : new Map();
    this.wasUnreadable = found === undefined;
    this.#met = found ?? new Map();
  }

  of(peer: MemberId): string | undefined {
    return this.#met.get(peer);
  }

  /** False when it could not be made durable: then nothing may be exchanged with the peer. */
  remember(peer: MemberId, incarnation: string): boolean {
    this.#met.set(peer, incarnation);
    if (this.#save()) return true;
    this.#met.delete(peer);
    return false;
  }

  /** Who left the cluster may come back under its name with another disk. */
  forgetOthers(isMember: (peer: MemberId) => boolean): void {
    const gone = [...this.#met.keys()].filter((peer) => !isMember(peer));
    if (gone.length === 0) return;
    for (const peer of gone) this.#met.delete(peer);
    // Should it fail, the peer is forgotten again after a restart, when the membership is known.
    this.#save();
  }

  #save(): boolean {
    try {
      const bytes = format(this.#met);
      const file = this.#disk.open(unfinishedName, { create: true });
      try {
        file.truncateNow(0);
        file.writeNow(0, bytes);
        file.syncNow();
      } finally {
        file.close();
      }
      this.#disk.rename(unfinishedName, fileName);
      this.#disk.syncDirectoryNow();
      return true;
    } catch (error) {
      if (error instanceof DiskError) return false;
      throw error;
    }
  }
}

function format(met: ReadonlyMap<MemberId, string>): Uint8Array {
  const lines = [...met].sort().map(([peer, incarnation]) => `${peer} ${incarnation}`);
  const body = [header, ...lines].join("\n");
  return bytesOf(`${body}\n${crc32(bytesOf(body)).toString(16)}\n`);
}

/** Undefined when it does not verify. */
function parse(bytes: Uint8Array): Map<MemberId, string> | undefined {
  const lines = String.fromCharCode(...bytes).split("\n");
  const sum = lines.at(-2);
  const body = lines.slice(0, -2);
  if (body[0] !== header || sum !== crc32(bytesOf(body.join("\n"))).toString(16)) return undefined;
  return new Map(
    body.slice(1).map((line) => {
      const space = line.indexOf(" ");
      return [line.slice(0, space), line.slice(space + 1)] as const;
    }),
  );
}

/** Member ids and incarnations are ASCII. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
