// HPACK decoding (RFC 7541): a header block becomes names and values. Whatever is wrong with a block ends
// the connection, since both sides' tables are then no longer the same. Fields beyond the size of a list are
// dropped, but still entered into the table.

import { ConnectionFault, errorCode } from "../codes.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { decodeHuffman } from "./huffman.ts";
import { staticCount, staticNames, staticValues } from "./static-table.ts";

export interface HeaderList {
  /** Name, value, name, value: strings of one unit per byte. */
  readonly fields: readonly string[];
  /** Of the fields, as RFC 7541 section 4.1 counts. */
  readonly size: number;
  /** More than the size allowed: the fields are not all there. */
  readonly isTooLarge: boolean;
}

const fieldOverheadBytes = 32;
/** Far beyond any length or index that can be valid here. */
const integerMax = 2 ** 28;

interface Latin1Slice {
  latin1Slice(start: number, end: number): string;
}

export class HpackDecoder {
  readonly table: DynamicTable;
  private readonly listBytesMax: number;
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  private end = 0;

  constructor(tableBytesMax: number, listBytesMax: number) {
    this.table = new DynamicTable(tableBytesMax);
    this.listBytesMax = listBytesMax;
  }

  decode(bytes: Buffer, start: number, end: number): HeaderList {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    const fields: string[] = [];
    let listBytes = 0;
    while (this.at < end) {
      const first = bytes[this.at]!;
      let name: string;
      let value: string;
      if (first >= 0x80) {
        const index = this.integer(0x7f);
        name = this.nameAt(index);
        value = index <= staticCount ? staticValues[index]! : this.dynamicValue(index);
      } else if (first >= 0x40) {
        name = this.literalName(0x3f);
        value = this.text();
        this.table.insert(name, value);
      } else if (first >= 0x20) {
        if (listBytes > 0) throw damaged("a table size update after a field");
        if (!this.table.resize(this.integer(0x1f))) throw damaged("a table that is too large");
        continue;
      } else {
        name = this.literalName(0x0f);
        value = this.text();
      }
      listBytes += name.length + value.length + fieldOverheadBytes;
      if (listBytes <= this.listBytesMax) fields.push(name, value);
    }
    // Nothing of the connection's memory stays behind.
    this.bytes = nothing;
    return { fields, size: listBytes, isTooLarge: listBytes > this.listBytesMax };
  }

  private literalName(mask: number): string {
    const index = this.integer(mask);
    return index === 0 ? this.text() : this.nameAt(index);
  }

  private nameAt(index: number): string {
    const name =
      index <= staticCount ? staticNames[index] : this.table.name(index - staticCount - 1);
    if (name === undefined || index === 0) throw damaged(`no entry ${index}`);
    return name;
  }

  private dynamicValue(index: number): string {
    return this.table.value(index - staticCount - 1);
  }

  private text(): string {
    if (this.at >= this.end) throw damaged("it ends early");
    const isHuffman = this.bytes[this.at]! >= 0x80;
    const length = this.integer(0x7f);
    const start = this.at;
    const end = start + length;
    if (end > this.end) throw damaged("a string beyond its end");
    this.at = end;
    if (!isHuffman) return (this.bytes as unknown as Latin1Slice).latin1Slice(start, end);
    const text = decodeHuffman(this.bytes, start, end);
    if (text === undefined) throw damaged("a Huffman code that is none");
    return text;
  }

  private integer(mask: number): number {
    let value = this.bytes[this.at++]! & mask;
    if (value < mask) return value;
    for (let factor = 1; ; factor *= 128) {
      if (this.at >= this.end) throw damaged("it ends early");
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      if (factor > integerMax) throw damaged("an integer that is too large");
    }
  }
}

const nothing = Buffer.alloc(0);

function damaged(what: string): ConnectionFault {
  return new ConnectionFault(errorCode.compressionError, `damaged header block: ${what}`);
}
