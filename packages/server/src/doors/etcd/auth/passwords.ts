// Passwords are hashed and compared here, before anything is replicated: the log and the store hold
// scrypt hashes with their parameters and salt, and no clear password. Hashing runs in Node's thread
// pool, which the disk shares: few at a time, in the order in which they came, and a bounded number
// waiting, so that a flood of logins delays logins and nothing else.

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

export interface Passwords {
  /** Undefined: too many wait already, or nobody waits for this one any more. */
  hash(password: string, isWanted: () => boolean, done: (hash: string | undefined) => void): void;
  /** Without a stored hash it takes as long and finds nothing: who exists is not told by time. */
  verify(
    stored: string | undefined,
    password: string,
    isWanted: () => boolean,
    done: (matches: boolean | undefined) => void,
  ): void;
}

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

export function createPasswords(cost: number): Passwords {
  const logN = Math.min(Math.max(cost, costMin), costMax) + costOffset;
  const parameters: Parameters = { logN, r: blockSize, p: parallelism };
  const unknown = formatHash({
    ...parameters,
    salt: randomBytes(saltBytes),
    key: randomBytes(keyBytes),
  });
  const waiting: (() => void)[] = [];
  let running = 0;

  const next = () => {
    while (running < atOnceMax && waiting.length > 0) waiting.shift()?.();
  };
  const derive = (
    password: string,
    salt: Buffer,
    { logN, r, p }: Parameters,
    isWanted: () => boolean,
    done: (key: Buffer | undefined) => void,
  ) => {
    if (waiting.length >= waitingMax) {
      done(undefined);
      return;
    }
    waiting.push(() => {
      if (!isWanted()) {
        done(undefined);
        return;
      }
      running++;
      const N = 2 ** logN;
      const options = { N, r, p, maxmem: 128 * r * (N + p + 64) };
      scrypt(password, salt, keyBytes, options, (error, key) => {
        running--;
        next();
        done(error === null ? key : undefined);
      });
    });
    next();
  };

  return {
    hash(password, isWanted, done) {
      const salt = randomBytes(saltBytes);
      derive(password, salt, parameters, isWanted, (key) => {
        done(key && formatHash({ ...parameters, salt, key }));
      });
    },
    verify(stored, password, isWanted, done) {
      const hash = parseHash(stored ?? unknown);
      if (hash === undefined) {
        done(false);
        return;
      }
      derive(password, hash.salt, hash, isWanted, (key) => {
        done(key && timingSafeEqual(key, hash.key) && stored !== undefined);
      });
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
