// Which connection carries a TLS socket: node:tls does not tell. Over TCP it has the name of the other end; at a
// socket of the file system, or over a stream of ours, it has none, and is found by the context in which its
// handshake was begun.

import { AsyncLocalStorage } from "node:async_hooks";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

export class Carriers<T> {
  readonly #named = new Map<string, T>();
  readonly #nameless = new AsyncLocalStorage<T>();

  /** `begin` hands the socket to a TLS server; the secure one that comes of it belongs to `carried`. */
  carry(socket: Duplex, carried: T, begin: () => void): void {
    const name = nameOf(socket);
    if (name === undefined) {
      this.#nameless.run(carried, begin);
      return;
    }
    this.#named.set(name, carried);
    socket.once("close", () => {
      if (this.#named.get(name) === carried) this.#named.delete(name);
    });
    begin();
  }

  /** Asked when it is secure. Undefined: the other end is gone by now. */
  of(secured: Duplex): T | undefined {
    const name = nameOf(secured);
    return name === undefined ? this.#nameless.getStore() : this.#named.get(name);
  }
}

function nameOf(socket: Duplex): string | undefined {
  const { remoteAddress, remotePort } = socket as Partial<Socket>;
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
