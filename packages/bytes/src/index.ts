export { ByteReader } from "./byte-reader.ts";
export { byteStringOf, writeByteString } from "./byte-string.ts";
export { ByteWriter, varintSize } from "./byte-writer.ts";
export { type Crc32, crc32, crc32c } from "./crc32.ts";
export { LaterVersion, MalformedBytes } from "./malformed-bytes.ts";
