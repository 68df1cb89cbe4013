// Settings by flag name, each read as what it is to be: text, a number in bounds, one of its choices, URLs.
// What it refuses names where the value came from.

import { parseListenUrl } from "../peers/peer-url.ts";
import { ConfigError } from "./config-error.ts";
import { parseDurationMs } from "./duration.ts";
import { findFlag } from "./flags.ts";
import type { Settings } from "./sources.ts";

export class SettingsReader {
  readonly #settings: Settings;
  constructor(settings: Settings) {
    this.#settings = settings;
  }

  given(name: string): boolean {
    return this.#settings.has(name);
  }

  origin(name: string): string {
    return this.#settings.get(name)?.origin ?? `--${name}`;
  }

  text(name: string): string {
    return this.#settings.get(name)?.value ?? fallbackOf(name);
  }

  choice(name: string): string {
    const value = this.text(name);
    const choices = findFlag(name)?.choices ?? [];
    if (value === fallbackOf(name) || choices.includes(value)) return value;
    throw new ConfigError(name, `${this.origin(name)} must be one of ${choices.join(", ")}`);
  }

  boolean(name: string): boolean {
    const value = this.text(name);
    if (/^(true|t|1)$/i.test(value)) return true;
    if (/^(false|f|0)$/i.test(value)) return false;
    throw new ConfigError(name, `${this.origin(name)} must be true or false`);
  }

  integer(name: string): number {
    const value = Number(this.text(name));
    if (Number.isSafeInteger(value)) return value;
    throw new ConfigError(name, `${this.origin(name)} must be a whole number`);
  }

  count(name: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.integer(name);
    if (value >= min && value <= max) return value;
    const bound = value < min ? `at least ${min}` : `at most ${max}`;
    throw new ConfigError(name, `${this.origin(name)} must be ${bound}`);
  }

  duration(name: string, minMs: number): number {
    const ms = parseDurationMs(this.text(name));
    if (ms !== undefined && ms >= minMs) return ms;
    const bound = minMs > 0 ? ` of at least ${minMs} ms` : "";
    throw new ConfigError(
      name,
      `${this.origin(name)} must be a duration${bound}, like 500ms or 1h30m`,
    );
  }

  urls(name: string, use: UrlUse): string[] {
    const urls = list(this.text(name));
    for (const url of urls) checkUrl(name, this.origin(name), url, use);
    if (urls.length === 0 && fallbackOf(name) !== "") {
      throw new ConfigError(name, `--${name} must name at least one URL`);
    }
    return urls;
  }
}

function fallbackOf(name: string): string {
  const flag = findFlag(name);
  if (flag === undefined) throw new Error(`no flag --${name}`);
  return flag.fallback;
}

export function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** `peer`: other members call it. What clients are told is for them to judge. */
export type UrlUse = "listen" | "advertise" | "peerListen" | "peer";

export function checkUrl(flag: string, origin: string, url: string, use: UrlUse): void {
  const isOfPeers = use === "peer" || use === "peerListen";
  const example = isOfPeers ? "http://127.0.0.1:2380" : "http://127.0.0.1:2379";
  if (/^unixs?:/.test(url)) {
    if (parseListenUrl(url) === undefined) {
      throw new ConfigError(flag, `${origin}: "${url}" must be a path, like unix://m1.sock:2380`);
    }
    return;
  }
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new ConfigError(flag, `${origin}: "${url}" is not a URL; write it like ${example}`);
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new ConfigError(flag, `${origin}: "${url}" must begin with http:// or https://`);
  }
  if (!/^https?:\/\/[^/]*:\d+(\/|$)/.test(url)) {
    throw new ConfigError(flag, `${origin}: "${url}" needs a port, like ${example}`);
  }
  if (parsed.pathname !== "/" || parsed.search !== "" || parsed.username !== "") {
    throw new ConfigError(flag, `${origin}: "${url}" must be a host and a port, nothing more`);
  }
  const isAddress = /^(\d+\.\d+\.\d+\.\d+|\[.*\]|localhost)$/.test(parsed.hostname);
  if ((use === "listen" || use === "peerListen") && !isAddress) {
    throw new ConfigError(
      flag,
      `${origin}: listen on an IP address and not on a name (${parsed.hostname}); 0.0.0.0 means all interfaces`,
    );
  }
  if (isOfPeers && parseListenUrl(url) === undefined) {
    throw new ConfigError(flag, `${origin}: "${url}" cannot be called; write it like ${example}`);
  }
}
