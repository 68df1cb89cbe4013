// Where every web request comes in, over HTTP/1.1, HTTP/2 and WebSocket alike: nobody gets a route but here,
// and here the visitor is judged before the route, and before a byte of the body is looked at.

import type { TransportCounters } from "./counters.ts";
import type { HttpReply, HttpRequestHead, HttpRoute, TransportEvent } from "./port.ts";
import type { Router } from "./router.ts";
import type { VisitorRules } from "./visitor-rules.ts";

/** `headers` belong to whatever is answered. */
export type Entry =
  | {
      readonly kind: "route";
      readonly route: HttpRoute;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly isRefusal: boolean;
    };

export const plainText = {
  "Content-Type": "text/plain; charset=utf-8",
  "X-Content-Type-Options": "nosniff",
} as const;

/** Refusals of so many different kinds are told as warnings; a page that knocks on must not fill a log. */
const warnedMax = 32;

export class Entrance {
  readonly rules: VisitorRules;
  readonly #router: Router;
  readonly #counters: TransportCounters;
  readonly #observe: (event: TransportEvent) => void;
  readonly #warned = new Set<string>();

  constructor(
    router: Router,
    rules: VisitorRules,
    counters: TransportCounters,
    observe: (event: TransportEvent) => void,
  ) {
    this.#router = router;
    this.rules = rules;
    this.#counters = counters;
    this.#observe = observe;
  }

  enter(head: HttpRequestHead): Entry {
    const judged = this.rules.judge({ encrypted: head.caller.encrypted, header: head.header });
    if (!judged.admitted) {
      const { status, reason } = judged;
      return { kind: "answer", status, headers: plainText, body: `${reason}\n`, isRefusal: true };
    }
    const { headers } = judged;
    if (head.method === "OPTIONS") {
      return { kind: "answer", status: 200, headers, body: "", isRefusal: false };
    }
    const route = this.#router.route(head.path);
    if (route !== undefined) {
      const { methods } = route;
      const method = head.method === "HEAD" ? "GET" : head.method;
      if (methods === undefined || methods.includes(method)) {
        return { kind: "route", route, headers };
      }
      return {
        kind: "answer",
        status: 405,
        headers: { ...headers, ...plainText, Allow: methods.join(", ") },
        body: "Method Not Allowed\n",
        isRefusal: false,
      };
    }
    return {
      kind: "answer",
      status: 404,
      headers: { ...headers, ...plainText },
      body: "404 page not found\n",
      isRefusal: false,
    };
  }

  /** Answers what needs no route. */
  answer(entry: Entry & { kind: "answer" }, send: HttpReply["respond"]): void {
    if (entry.isRefusal) this.refused(entry.body.trimEnd());
    send(entry.status, entry.headers, entry.body);
  }

  /** Counts one that was turned away, and tells of it. */
  refused(reason: string): void {
    this.#counters.visitorsRefused++;
    const isNew = this.#warned.size < warnedMax && !this.#warned.has(reason);
    if (isNew) this.#warned.add(reason);
    this.#observe({ kind: "visitorRefused", level: isNew ? "warn" : "debug", reason });
  }
}
