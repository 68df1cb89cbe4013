// As much of a TLS 1.3 client (RFC 8446) as changes its keys at will, which no library lets one do: one group, one
// cipher, nobody's certificate looked at.

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
} from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const nothing: Buffer = Buffer.alloc(0);
const zeros = Buffer.alloc(32);
const record = { changeCipherSpec: 20, handshake: 22, data: 23 } as const;
const message = { clientHello: 1, finished: 20, keyUpdate: 24 } as const;
const cipher = "aes-128-gcm";
const x25519 = { id: 0x1d, spki: Buffer.from("302a300506032b656e032100", "hex"), bytes: 32 };

const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest();
const hmac = (key: Buffer, bytes: Buffer) => createHmac("sha256", key).update(bytes).digest();
const u16 = (value: number) => Buffer.of(value >> 8, value & 0xff);
const short = (bytes: Buffer) => Buffer.concat([Buffer.of(bytes.length), bytes]);
const long = (bytes: Buffer) => Buffer.concat([u16(bytes.length), bytes]);
const messageOf = (type: number, body: Buffer) => Buffer.concat([Buffer.of(type, 0), long(body)]);
const extension = (type: number, body: Buffer) => Buffer.concat([u16(type), long(body)]);

function expand(secret: Buffer, label: string, context: Buffer, bytes: number): Buffer {
  const info = [u16(bytes), short(Buffer.from(`tls13 ${label}`)), short(context), Buffer.of(1)];
  return hmac(secret, Buffer.concat(info)).subarray(0, bytes);
}

/** One direction under one secret. */
class Keys {
  readonly #key: Buffer;
  readonly #iv: Buffer;
  #sequence = 0n;

  constructor(secret: Buffer) {
    this.#key = expand(secret, "key", nothing, 16);
    this.#iv = expand(secret, "iv", nothing, 12);
  }

  seal(type: number, content: Buffer): Buffer {
    const head = Buffer.concat([Buffer.of(record.data, 3, 3), u16(content.length + 17)]);
    const sealing = createCipheriv(cipher, this.#key, this.#nonce()).setAAD(head);
    const body = [sealing.update(Buffer.concat([content, Buffer.of(type)])), sealing.final()];
    return Buffer.concat([head, ...body, sealing.getAuthTag()]);
  }

  open(sealed: Buffer): Buffer {
    const opening = createDecipheriv(cipher, this.#key, this.#nonce());
    opening.setAAD(sealed.subarray(0, 5)).setAuthTag(sealed.subarray(-16));
    const content = Buffer.concat([opening.update(sealed.subarray(5, -16)), opening.final()]);
    return content.subarray(0, -1);
  }

  #nonce(): Buffer {
    const nonce = Buffer.from(this.#iv);
    const last = nonce.length - 8;
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(last) ^ this.#sequence++, last);
    return nonce;
  }
}

export interface Tls13Client {
  readonly socket: Socket;
  /** Changes of our keys, each of which asks for one of theirs. */
  keyUpdates(count: number): Buffer;
}

export async function connectTls13(port: number): Promise<Tls13Client> {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  const share = publicKey.export({ type: "spki", format: "der" }).subarray(-x25519.bytes);
  const extensions = [
    extension(43, short(u16(0x0304))),
    extension(10, long(u16(x25519.id))),
    extension(51, long(Buffer.concat([u16(x25519.id), long(share)]))),
    extension(13, long(Buffer.concat([0x0403, 0x0804, 0x0401].map(u16)))),
    extension(16, long(short(Buffer.from("h2")))),
  ];
  const version = [u16(0x0303), randomBytes(32), short(nothing)];
  const offered = [long(u16(0x1301)), short(Buffer.of(0)), long(Buffer.concat(extensions))];
  const hello = messageOf(message.clientHello, Buffer.concat([...version, ...offered]));
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(Buffer.concat([Buffer.of(record.handshake, 3, 1), long(hello)]));

  let said: Buffer = hello;
  let theirs: Keys | undefined;
  let ours = nothing;
  let master = nothing;
  for await (const sealed of recordsOf(socket)) {
    if (sealed[0] === record.changeCipherSpec) continue;
    if (theirs === undefined) {
      const answer = sealed.subarray(5);
      said = Buffer.concat([said, answer]);
      const found = answer.indexOf(Buffer.concat([u16(x25519.id), u16(x25519.bytes)]));
      const their = answer.subarray(found + 4, found + 4 + x25519.bytes);
      const key = Buffer.concat([x25519.spki, their]);
      const shared = diffieHellman({
        privateKey,
        publicKey: createPublicKey({ key, format: "der", type: "spki" }),
      });
      const derived = (secret: Buffer) => expand(secret, "derived", hash(nothing), 32);
      const secret = hmac(derived(hmac(zeros, zeros)), shared);
      ours = expand(secret, "c hs traffic", hash(said), 32);
      theirs = new Keys(expand(secret, "s hs traffic", hash(said), 32));
      master = hmac(derived(secret), zeros);
      continue;
    }
    said = Buffer.concat([said, theirs.open(sealed)]);
    // Their last message is 36 bytes long, and nothing else has its beginning there.
    if (said.readUInt32BE(said.length - 36) === ((message.finished << 24) | 32)) break;
  }
  const proof = hmac(expand(ours, "finished", nothing, 32), hash(said));
  socket.write(new Keys(ours).seal(record.handshake, messageOf(message.finished, proof)));
  let traffic = expand(master, "c ap traffic", hash(said), 32);
  return {
    socket: socket.on("error", () => {}).resume(),
    keyUpdates(count) {
      const update = messageOf(message.keyUpdate, Buffer.of(1));
      const updates = Array.from({ length: count }, () => {
        const sealed = new Keys(traffic).seal(record.handshake, update);
        traffic = expand(traffic, "traffic upd", nothing, 32);
        return sealed;
      });
      return Buffer.concat(updates);
    },
  };
}

async function* recordsOf(socket: Socket): AsyncGenerator<Buffer> {
  let held = nothing;
  // The socket outlives the handshake.
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    held = Buffer.concat([held, chunk as Buffer]);
    while (held.length >= 5 && held.length >= 5 + held.readUInt16BE(3)) {
      const end = 5 + held.readUInt16BE(3);
      yield held.subarray(0, end);
      held = held.subarray(end);
    }
  }
}
