// Simple tokens: sixteen letters that nobody can guess, and the place in the log where they were made
// known. Each member keeps those that it saw; one that is not used for its lifetime ends there. None of
// them outlives a restart for sure, and a client that is told so asks for another.

import { randomInt } from "node:crypto";
import type { AuthName } from "@althing/store";
import type { Tokens } from "./tokens.ts";

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const secretLength = 16;
const form = /^[a-zA-Z]{16}\.(\d{1,16})$/;

interface Entry {
  readonly user: AuthName;
  endsAtMs: number;
  /** Since room was last looked for. */
  isUsed: boolean;
}

/** A login costs little once a password is remembered, so that they must not add up without bound. */
export const tokensMax = 65_536;

export function createSimpleTokens(ttlMs: number, nowMs = () => performance.now()): Tokens {
  const entries = new Map<string, Entry>();
  let sweptAtMs = nowMs();

  /** Often enough that those which ended are never the most. */
  const sweep = (now: number) => {
    if (now - sweptAtMs < ttlMs) return;
    sweptAtMs = now;
    for (const [token, { endsAtMs }] of entries) if (endsAtMs <= now) entries.delete(token);
  };

  /** Those that were not used go, the oldest first. */
  const makeRoom = () => {
    for (const [token, entry] of entries) {
      if (entries.size < tokensMax) return;
      entries.delete(token);
      if (!entry.isUsed) continue;
      entry.isUsed = false;
      entries.set(token, entry);
    }
  };

  return {
    callerOf(token, auth) {
      const entry = entries.get(token);
      const now = nowMs();
      if (entry === undefined || entry.endsAtMs <= now) return undefined;
      entry.endsAtMs = now + ttlMs;
      entry.isUsed = true;
      return { user: entry.user, authRevision: auth.revision };
    },
    knownFrom: (token) => {
      const index = Number(form.exec(token)?.[1] ?? 0);
      return Number.isSafeInteger(index) ? index : 0;
    },
    issue: () => {
      const secret = Array.from({ length: secretLength }, () => letters[randomInt(letters.length)]);
      return { kind: "logged", secret: secret.join("") };
    },
    observe(change) {
      switch (change.kind) {
        case "assigned": {
          const now = nowMs();
          sweep(now);
          makeRoom();
          const { token, user } = change;
          entries.set(token, { user, endsAtMs: now + ttlMs, isUsed: false });
          break;
        }
        case "userEnded":
          for (const [token, { user }] of entries) if (user === change.user) entries.delete(token);
          break;
        case "allEnded":
          entries.clear();
      }
    },
  };
}
