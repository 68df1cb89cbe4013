// Where a member is reached. A URL from a flag, a request, the log or another member is text until it has
// passed here, and nothing but what came out of here is ever dialled: what cannot be dialled is refused where
// it enters, and skipped where an old log holds it.

export type PeerPlace =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export interface PeerUrl {
  /** As it was written: what members publish and compare. */
  readonly text: string;
  readonly place: PeerPlace;
  readonly secure: boolean;
}

const urlCharactersMax = 512;
/** What the kernel takes as the path of a socket. */
const socketPathBytesMax = 107;

/** Undefined: it cannot be dialled. Never throws. */
export function parsePeerUrl(text: string): PeerUrl | undefined {
  return parsePlace(text, 1);
}

/** The same for an address to listen on, where port 0 means any. */
export function parseListenUrl(text: string): PeerUrl | undefined {
  return parsePlace(text, 0);
}

function parsePlace(text: string, portMin: number): PeerUrl | undefined {
  if (text.length > urlCharactersMax) return undefined;
  const socket = /^unix(s?):\/\/([^\s?#]+)$/.exec(text);
  if (socket !== null) {
    const path = socket[2]!;
    if (!URL.canParse(text)) return undefined;
    if (Buffer.byteLength(path) > socketPathBytesMax || path.includes("\0")) return undefined;
    return { text, place: { kind: "unix", path }, secure: socket[1] === "s" };
  }
  const found = /^http(s?):\/\/(\[[0-9a-fA-F:.]+\]|[^\s/:?#@[\]]+):(\d{1,5})\/?$/.exec(text);
  if (found === null || !URL.canParse(text)) return undefined;
  const port = Number(found[3]);
  if (port < portMin || port > 65_535) return undefined;
  // The URL's own view of the host, so that what is dialled is what was checked (IDNA, odd IPv4 forms).
  const host = new URL(text).hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "") return undefined;
  return { text, place: { kind: "tcp", host, port }, secure: found[1] === "s" };
}

/** Those that can be dialled. */
export function parsePeerUrls(texts: readonly string[]): PeerUrl[] {
  return texts.map(parsePeerUrl).filter((url) => url !== undefined);
}
