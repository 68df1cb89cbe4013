// Node's own conversions for the codecs of this process: several times faster than the portable ones.

import { decodeLatin1, installTextPrimitives, portableText } from "@althing/wire";

/** Methods of Buffer that @types/node does not list; `toString("latin1")` spends more on its arguments. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number): number;
}

const shortBytes = 12;

export function installFastText(): void {
  installTextPrimitives({
    decodeLatin1(bytes, start, end) {
      if (!Buffer.isBuffer(bytes)) return portableText.decodeLatin1(bytes, start, end);
      return (bytes as unknown as Latin1Buffer).latin1Slice(start, end);
    },
    encodeLatin1(text, into, offset) {
      if (Buffer.isBuffer(into)) (into as unknown as Latin1Buffer).latin1Write(text, offset);
      else portableText.encodeLatin1(text, into, offset);
    },
    decodeUtf8(bytes, start, end) {
      // ASCII, nearly always; what is not goes the strict way.
      if (end - start > shortBytes) {
        const text = decodeLatin1(bytes, start, end);
        if (/^[\0-\x7f]*$/.test(text)) return text;
      }
      return portableText.decodeUtf8(bytes, start, end);
    },
    encodeBase64: (bytes) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"),
  });
}
