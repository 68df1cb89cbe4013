// Which web requests are let in, judged by their head alone. Any page that a browser shows can send requests
// to a member that the browser reaches, and can point a name of its own at the member's address; what gives
// such a page away is what it cannot set itself: `Origin`, `Sec-Fetch-Site` and the host that was called.
// Programs send neither of the first two. What gRPC clients call a member is their own affair: they write
// whole URLs, paths of sockets and names of services there, and no page can speak gRPC without being asked first.

import { isIP } from "node:net";

export interface VisitorRulesOptions {
  /** Names of this member beside `localhost`; "*": whatever it is called. */
  readonly hosts: readonly string[];
  /** Whether the member's certificate is good for a name. */
  readonly isCertified?: (host: string) => boolean;
  /** Origins whose pages may call, like https://console.example; "*": all of them. */
  readonly origins: readonly string[];
}

export interface Visit {
  readonly encrypted: boolean;
  header(name: string): string | undefined;
}

export type Judgement =
  /** `headers` tell a browser that the page may read the answer. */
  | { readonly admitted: true; readonly headers: Readonly<Record<string, string>> }
  | { readonly admitted: false; readonly status: 403 | 421; readonly reason: string };

const forbidden = 403;
const misdirected = 421;
const shownMax = 100;
const any = "*";

/** etcd's. */
const corsHeaders = {
  "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE",
  "Access-Control-Allow-Headers": "accept, content-type, authorization",
} as const;
const admitted: Judgement = { admitted: true, headers: {} };
const admittedToAll: Judgement = {
  admitted: true,
  headers: { ...corsHeaders, "Access-Control-Allow-Origin": any },
};

export class VisitorRules {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #isCertified: (host: string) => boolean;
  /** The host that was let in last: most clients always send the same. */
  #lastHost: string | undefined;

  constructor({ hosts, origins, isCertified }: VisitorRulesOptions) {
    this.#hosts = new Set(hosts.map((host) => hostOf(host) ?? host).concat("localhost"));
    this.#origins = new Set(origins);
    this.#isCertified = isCertified ?? (() => false);
  }

  judge(visit: Visit): Judgement {
    const host = visit.header(":authority") ?? visit.header("host");
    // No browser leaves it out.
    if (host !== undefined && host !== this.#lastHost) {
      if (!this.#isOurs(host)) {
        return refuse(
          misdirected,
          `${shown(host)} is no name of this member; call it by its address or by a name in --advertise-client-urls, or list the name in --host-whitelist`,
        );
      }
      this.#lastHost = host;
    }
    return this.#judgeOrigin(visit, host);
  }

  /** Of a gRPC call: who is called counts for browsers alone. */
  judgeCall(visit: Visit): Judgement {
    const isProgram =
      visit.header("origin") === undefined && visit.header("sec-fetch-site") === undefined;
    return isProgram ? admitted : this.judge(visit);
  }

  #judgeOrigin(visit: Visit, host: string | undefined): Judgement {
    if (this.#origins.has(any)) return admittedToAll;
    const origin = visit.header("origin");
    const site = visit.header("sec-fetch-site");
    if (origin === undefined) {
      // "none": somebody typed the address, or took a bookmark.
      if (site === undefined || site === "same-origin" || site === "none") return admitted;
      return refuse(
        forbidden,
        "pages of other origins may not call this member; --cors lists those that may, and theirs are requests with an Origin",
      );
    }
    const scheme = visit.encrypted ? "https" : "http";
    const isOwn = host !== undefined && origin === originOf(`${scheme}://${host}`);
    if (!isOwn && !this.#origins.has(origin)) {
      return refuse(
        forbidden,
        `pages of ${shown(origin)} may not call this member; list their origin in --cors`,
      );
    }
    return {
      admitted: true,
      headers: { ...corsHeaders, "Access-Control-Allow-Origin": origin, Vary: "Origin" },
    };
  }

  #isOurs(authority: string): boolean {
    if (this.#hosts.has(any)) return true;
    const host = hostOf(authority);
    if (host === undefined) return false;
    return isIP(host) !== 0 || this.#hosts.has(host) || this.#isCertified(host);
  }
}

/** The name or address in "name:port", as a browser would write it; undefined: there is none. */
export function hostOf(authority: string): string | undefined {
  const url = parse(`http://${authority}`);
  if (url === undefined) return undefined;
  return url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

/** As browsers write it in `Origin`; undefined: the text is no scheme, host and port. */
export function originOf(text: string): string | undefined {
  return parse(text)?.origin;
}

function parse(text: string): URL | undefined {
  // Beyond a host and a port a URL holds nothing that belongs here, and much that could deceive.
  if (!/^https?:\/\/[^\s/\\?#@]+$/i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

function refuse(status: 403 | 421, reason: string): Judgement {
  return { admitted: false, status, reason };
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, shownMax));
}
