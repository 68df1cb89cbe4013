// The file that a snapshot stream makes: a preamble, the store's own chunks with their lengths before
// them, zeros up to a whole block, and the SHA-256 of all that. Clients of etcd tell by the length that
// the checksum is there. What cannot be verified to the last byte is not used.

import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const magic = "ALTHINGSNAP1\n\0\0\0";
const digestBytes = 32;
const blockBytes = 512;
const chunkBytesMax = 64 * 1024 * 1024;

export class SnapshotFileError extends Error {
  readonly code = "snapshotFileDamaged";
  readonly path: string;
  constructor(path: string, why: string, options?: ErrorOptions) {
    super(`${path} is no whole snapshot: ${why}`, options);
    this.name = "SnapshotFileError";
    this.path = path;
  }
}

export function snapshotPreamble(): Uint8Array {
  return Buffer.from(magic, "latin1");
}

/** No length is 0: that is where the padding begins. */
export function snapshotFrame(chunk: Uint8Array): Uint8Array {
  if (chunk.length === 0) return chunk;
  const frame = Buffer.allocUnsafe(4 + chunk.length);
  frame.writeUInt32LE(chunk.length, 0);
  frame.set(chunk, 4);
  return frame;
}

/** After `bytes` of preamble and frames. */
export function snapshotPadding(bytes: number): Uint8Array {
  return new Uint8Array((blockBytes - (bytes % blockBytes)) % blockBytes);
}

export interface SnapshotFile {
  readonly bytes: number;
  /** Checks the digest over the whole file and returns it; throws SnapshotFileError. */
  verify(tell?: (done: number, all: number) => void): Uint8Array;
  /** The digest as it should be, unchecked: of a file that must be read although it does not verify. */
  digest(): Uint8Array;
  /** The chunks in order; each call reads one. Verify first. */
  next(): Uint8Array | undefined;
  close(): void;
}

export function openSnapshotFile(path: string): SnapshotFile {
  const orUnreadable = <T>(run: () => T): T => {
    try {
      return run();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SnapshotFileError(path, `it cannot be read: ${why}`, { cause });
    }
  };
  const fd = orUnreadable(() => openSync(path, "r"));
  const { size } = fstatSync(fd);
  const hasDigest = size % blockBytes === digestBytes;
  const end = hasDigest ? size - digestBytes : size;
  let at = magic.length;
  const read = (position: number, length: number): Buffer => {
    const bytes = Buffer.allocUnsafe(length);
    if (orUnreadable(() => readSync(fd, bytes, 0, length, position)) !== length) {
      throw new SnapshotFileError(path, "it could not be read to its end");
    }
    return bytes;
  };
  const digest = (tell: (done: number, all: number) => void = () => {}): Buffer => {
    const hash = createHash("sha256");
    for (let done = 0; done < end; ) {
      const piece = read(done, Math.min(1024 * 1024, end - done));
      hash.update(piece);
      done += piece.length;
      tell(done, end);
    }
    return hash.digest();
  };
  if (end < magic.length || read(0, magic.length).toString("latin1") !== magic) {
    closeSync(fd);
    throw new SnapshotFileError(path, "it does not begin as one of Althing's");
  }
  return {
    bytes: size,
    verify(tell) {
      if (!hasDigest) {
        throw new SnapshotFileError(path, "there is no checksum at its end: it is cut short");
      }
      const found = digest(tell);
      if (!found.equals(read(end, digestBytes))) {
        throw new SnapshotFileError(
          path,
          "its checksum does not match: it is damaged or cut short",
        );
      }
      return found;
    },
    digest: () => digest(),
    next() {
      const left = end - at;
      const length = left < 4 ? 0 : read(at, 4).readUInt32LE(0);
      if (length === 0 && left < blockBytes) return undefined;
      if (length === 0) throw new SnapshotFileError(path, "it has nothing where a piece should be");
      if (length > chunkBytesMax || at + 4 + length > end) {
        throw new SnapshotFileError(path, "a piece of it is longer than the file");
      }
      const chunk = read(at + 4, length);
      at += 4 + length;
      return chunk;
    },
    close: () => closeSync(fd),
  };
}
