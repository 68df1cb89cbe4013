// What counts as one visitor's address: an IPv4 address, or the /64 of an IPv6 one, since that is what one
// customer of a provider is given. Whoever comes over a socket of this machine is one address together.

import { isIPv6 } from "node:net";

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const groupsOfPrefix = 4;
const groups = 8;

export function visitorOf(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return "";
  const v4 = mapped.exec(remoteAddress)?.[1];
  if (v4 !== undefined || !isIPv6(remoteAddress)) return v4 ?? remoteAddress;
  const [front = "", back] = remoteAddress.split("%")[0]!.toLowerCase().split("::");
  const head = front.split(":").filter((group) => group !== "");
  const tail = (back ?? "").split(":").filter((group) => group !== "");
  const gap = back === undefined ? 0 : groups - head.length - tail.length;
  const all = [...head, ...new Array<string>(Math.max(0, gap)).fill("0"), ...tail];
  return `${all.slice(0, groupsOfPrefix).join(":")}::/64`;
}
