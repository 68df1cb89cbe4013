// Passwords are hashed and compared here, before anything is replicated: the log and the store hold
// scrypt hashes with their parameters and salt, and no clear password. (A user may come with a hash of
// bcrypt, which is kept as it is.) Hashing runs in Node's thread pool, which the disk shares: few at a
// time, and whose turn it is login-turns.ts decides, so that a flood of logins delays its own and
// little else. What was found right is remembered for a while.

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import type { AuthName, TokenChange } from "@althing/store";
import { BcryptThread, isBcrypt } from "./bcrypt.ts";
import { type LoginOrigin, type LoginTurn, LoginTurns } from "./login-turns.ts";
import { RememberedPasswords } from "./remembered-passwords.ts";

export interface Login {
  readonly user: AuthName;
  /** Undefined: there is no such user, or it has none. That takes as long and is never right. */
  readonly stored: string | undefined;
  readonly password: string;
  /** "address:port" of the client. */
  readonly connection: string;
}

export interface Passwords {
  /** Undefined: too many wait already, or nobody waits for this one any more. */
  hash(password: string, isWanted: () => boolean, done: (hash: string | undefined) => void): void;
  verify(login: Login, isWanted: () => boolean, done: (matches: boolean | undefined) => void): void;
  /** What the store tells of users whose passwords or rights ended. */
  observe(change: TokenChange): void;
}

/** More is no password: what waits for its turn is held in memory. */
export const passwordBytesMax = 1024;

/** Of the four threads of the pool. */
const atOnceMax = 2;
const waitingMax = 256;
const saltBytes = 16;
const keyBytes = 32;
const blockSize = 8;
const parallelism = 5;
/** The default cost 10 means N = 2^14: with p = 5 some 0.2 s. One more takes twice the time and memory. */
const costOffset = 4;
const costMin = 4;
const costMax = 14;

interface Parameters {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

interface Hash extends Parameters {
  readonly salt: Buffer;
  readonly key: Buffer;
}

interface Turn extends LoginTurn {
  /** Undefined: there was no room, or nobody wants it any more. Otherwise: it is its turn. */
  take(isDone: (() => void) | undefined): void;
}

export function createPasswords(cost: number, nowMs = () => performance.now()): Passwords {
  const logN = Math.min(Math.max(cost, costMin), costMax) + costOffset;
  const parameters: Parameters = { logN, r: blockSize, p: parallelism };
  const nobody: Hash = {
    ...parameters,
    salt: randomBytes(saltBytes),
    key: randomBytes(keyBytes),
  };
  const noHash = formatHash(nobody);
  const turns = new LoginTurns<Turn>(waitingMax, nowMs);
  const remembered = new RememberedPasswords(nowMs);
  const bcrypt = new BcryptThread();
  let running = 0;

  const next = () => {
    while (running < atOnceMax) {
      const turn = turns.next();
      if (turn === undefined) return;
      if (!turn.isWanted()) {
        turns.forgive(turn.origin);
        turn.take(undefined);
        continue;
      }
      running++;
      turn.take(() => {
        running--;
        next();
      });
    }
  };
  const derive = (
    password: string,
    { salt, logN: log2N, r, p }: Omit<Hash, "key">,
    done: (key: Buffer | undefined) => void,
  ) => {
    const N = 2 ** log2N;
    const options = { N, r, p, maxmem: 128 * r * (N + p + 64) };
    scrypt(password, salt, keyBytes, options, (error, key) => {
      done(error === null ? key : undefined);
    });
  };
  const matches = (
    password: string,
    text: string,
    done: (isRight: boolean | undefined) => void,
  ) => {
    if (isBcrypt(text)) {
      bcrypt.verify({ hash: text, password }, done);
      return;
    }
    const hash = parseHash(text) ?? nobody;
    derive(password, hash, (key) => {
      done(key && timingSafeEqual(key, hash.key) && hash !== nobody && text !== noHash);
    });
  };
  const enter = (turn: Turn) => {
    for (const left of turns.add(turn)) left.take(undefined);
    next();
  };

  return {
    hash(password, isWanted, done) {
      enter({
        origin: undefined,
        isWanted,
        take(isDone) {
          if (isDone === undefined) {
            done(undefined);
            return;
          }
          const salt = randomBytes(saltBytes);
          derive(password, { ...parameters, salt }, (key) => {
            isDone();
            done(key && formatHash({ ...parameters, salt, key }));
          });
        },
      });
    },
    verify({ user, stored, password, connection }, isWanted, done) {
      const text = stored ?? noHash;
      if (remembered.knows(user, text, password)) {
        done(true);
        return;
      }
      const origin: LoginOrigin = { connection, user };
      enter({
        origin,
        isWanted,
        take(isDone) {
          if (isDone === undefined) {
            done(undefined);
            return;
          }
          // Of many that came together with the same password one was enough.
          if (remembered.knows(user, text, password)) {
            turns.forgive(origin);
            // Not from within the choice of the next.
            setImmediate(isDone);
            done(true);
            return;
          }
          matches(password, text, (isRight) => {
            if (isRight === true) {
              turns.forgive(origin);
              remembered.add(user, text, password);
            }
            isDone();
            done(isRight);
          });
        },
      });
    },
    observe(change) {
      if (change.kind === "userEnded") remembered.forget(change.user);
      else if (change.kind === "allEnded") remembered.clear();
    },
  };
}

/** The usual form of such strings: $scrypt$ln=14,r=8,p=5$salt$key. */
function formatHash({ logN, r, p, salt, key }: Hash): string {
  return `$scrypt$ln=${logN},r=${r},p=${p}$${unpadded(salt)}$${unpadded(key)}`;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]+)\$([\w+/]+)$/;

function parseHash(text: string): Hash | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [logN, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])] as const;
  const key = Buffer.from(match[5]!, "base64");
  if (logN > costMax + costOffset || key.length !== keyBytes) return undefined;
  return { logN, r, p, salt: Buffer.from(match[4]!, "base64"), key };
}
