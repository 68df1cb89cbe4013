// What one stream has still to send, piece by piece. Taking from the front costs the same however many
// pieces wait: moving up what is behind would stop the loop once there are a hundred thousand small ones.

/** What a piece occupies besides its bytes. */
const pieceBytes = 256;
const compactAt = 1024;

export function memoryOf(piece: Uint8Array): number {
  return piece.length + pieceBytes;
}

export class SendQueue {
  bytes = 0;
  /** Of all time. */
  dequeuedBytes = 0;
  private pieces: (Uint8Array | undefined)[] = [];
  private first = 0;
  /** Of the first piece, how much has left. */
  private sent = 0;

  push(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
  }

  /** What is left of the first piece. */
  get next(): Uint8Array {
    const piece = this.pieces[this.first]!;
    return this.sent === 0 ? piece : piece.subarray(this.sent);
  }

  /** The memory that this lets go of: that of a piece, once all of it has left. */
  advance(bytes: number): number {
    const { pieces } = this;
    const piece = pieces[this.first]!;
    this.bytes -= bytes;
    this.dequeuedBytes += bytes;
    this.sent += bytes;
    if (this.sent < piece.length) return 0;
    this.sent = 0;
    pieces[this.first++] = undefined;
    if (this.first >= compactAt && this.first * 2 >= pieces.length) {
      this.pieces = pieces.slice(this.first);
      this.first = 0;
    }
    return memoryOf(piece);
  }
}
