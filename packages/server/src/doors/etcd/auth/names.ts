// Names of users and roles: text to clients, UTF-8 bytes as a byte string to the store.

import type { AuthName } from "@althing/store";

const ascii = /^[\0-\x7f]*$/;

export function nameOf(text: string): AuthName {
  return ascii.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

export function textOfName(name: AuthName): string {
  return ascii.test(name) ? name : Buffer.from(name, "latin1").toString("utf8");
}
