// One thing that is done to both clusters.

import type { WatchCreateRequest, WatchRequest } from "../client/messages.ts";
import type { Operation } from "./operations.ts";
import type { Credentials } from "./side.ts";

export type Step =
  | {
      readonly kind: "call";
      readonly operation: Operation;
      readonly at: number;
      readonly as?: Credentials | string;
    }
  | {
      readonly kind: "stream";
      readonly at: number;
      readonly creations: readonly WatchCreateRequest[];
      readonly rest: readonly WatchRequest[];
      readonly as?: Credentials;
    }
  | { readonly kind: "follow"; readonly at: number; readonly request: WatchCreateRequest }
  | { readonly kind: "unfollow"; readonly which: number }
  | {
      readonly kind: "expire";
      readonly at: number;
      readonly keys: readonly string[];
      readonly kills: boolean;
    }
  | { readonly kind: "kill"; readonly whom: "leader" | "follower" | "all"; readonly which: number }
  | { readonly kind: "restart" };
