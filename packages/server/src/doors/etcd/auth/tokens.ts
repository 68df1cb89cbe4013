// What stands for a user after it gave its password: a simple token, which the log makes known to every
// member, or a JWT, which any member that has the key can check by itself.

import type { AuthCaller, AuthName, AuthState, TokenChange } from "@althing/store";
import type { EtcdErrorCode } from "../errors.ts";

/** Either the secret part of a token that the log completes, or all of it. */
export type Issued =
  | { readonly kind: "logged"; readonly secret: string }
  | { readonly kind: "whole"; readonly token: string };

export interface Tokens {
  /** For whom a token stands, by the state that is applied here. */
  callerOf(token: string, auth: AuthState): AuthCaller | undefined;
  /** The place in the log without which this member cannot know the token; 0 when there is none. */
  knownFrom(token: string): number;
  issue(user: AuthName, authRevision: number): Issued | EtcdErrorCode;
  /** What the store tells of tokens. */
  observe(change: TokenChange): void;
}
