// The head of a request as RFC 9113 section 8.3 wants it. One thing is looser than in other servers:
// `:authority` may be any printable text, because clients of etcd send whole URLs and socket paths there.

import type { HeaderList } from "./hpack/decoder.ts";

const connectionSpecific: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
/** RFC 9110's token in lower case. */
const nameShape = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const tab = 0x09;
const space = 0x20;
const del = 0x7f;

export class RequestHead {
  readonly method: string;
  readonly path: string;
  /** -1: not given. */
  readonly contentLength: number;
  /** What the server found out about requests with this head; a head may serve many of them. */
  plan: unknown;
  private readonly fields: readonly string[];

  constructor(fields: readonly string[], method: string, path: string, contentLength: number) {
    this.fields = fields;
    this.method = method;
    this.path = path;
    this.contentLength = contentLength;
  }

  /** The first value of a field. */
  header(name: string): string | undefined {
    const { fields } = this;
    for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1];
    return undefined;
  }
}

/** Undefined: malformed. */
export function readRequestHead({ fields }: HeaderList): RequestHead | undefined {
  const pseudo = new Map<string, string>();
  let contentLength = -1;
  let isPastPseudo = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    if (!isValue(value)) return undefined;
    if (name.charCodeAt(0) === 0x3a) {
      if (isPastPseudo || !isPseudo(name) || pseudo.has(name)) return undefined;
      pseudo.set(name, value);
      continue;
    }
    isPastPseudo = true;
    if (!isOrdinary(name, value)) return undefined;
    if (name === "content-length") {
      if (!/^\d{1,15}$/.test(value)) return undefined;
      if (contentLength >= 0 && contentLength !== Number(value)) return undefined;
      contentLength = Number(value);
    }
  }
  const method = pseudo.get(":method");
  const path = pseudo.get(":path");
  if (!method) return undefined;
  if (method === "CONNECT") {
    if (path !== undefined || pseudo.has(":scheme") || !pseudo.get(":authority")) return undefined;
    return new RequestHead(fields, method, "", contentLength);
  }
  if (!path || !pseudo.get(":scheme")) return undefined;
  if (!path.startsWith("/") && !(path === "*" && method === "OPTIONS")) return undefined;
  return new RequestHead(fields, method, path, contentLength);
}

/** Fields after a body: no pseudo-header among them. */
export function areTrailersValid({ fields }: HeaderList): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    if (!isOrdinary(fields[i]!, fields[i + 1]!) || !isValue(fields[i + 1]!)) return false;
  }
  return true;
}

function isPseudo(name: string): boolean {
  return name === ":method" || name === ":path" || name === ":scheme" || name === ":authority";
}

function isOrdinary(name: string, value: string): boolean {
  if (!nameShape.test(name) || connectionSpecific.has(name)) return false;
  return name !== "te" || value.toLowerCase() === "trailers";
}

/** No control character but tabs, and no white space around. */
function isValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < space && code !== tab) || code === del) return false;
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1));
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}
