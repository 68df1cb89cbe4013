// The flags that say which web pages may call, and under which names. What no browser would ever send is
// refused here: it would be a rule that never fits.

import { hostOf, originOf } from "../transport/visitor-rules.ts";
import { ConfigError } from "./config-error.ts";
import { list, type SettingsReader } from "./settings-reader.ts";

export interface VisitorSettings {
  /** As browsers write them; "*": all. */
  readonly origins: readonly string[];
  /** Names beside those that the member has anyway; "*": any. */
  readonly hosts: readonly string[];
}

const any = "*";

export function readVisitors(read: SettingsReader): VisitorSettings {
  return {
    origins: list(read.text("cors")).map((text) => {
      const origin = text === any ? any : originOf(text.replace(/\/$/, ""));
      if (origin !== undefined) return origin;
      throw new ConfigError(
        "cors",
        `${read.origin("cors")}: "${text}" is no origin; write it like https://console.example or http://10.0.0.9:8080, or * for all`,
      );
    }),
    hosts: list(read.text("host-whitelist")).map((text) => {
      if (text === any || hostOf(text) === text.toLowerCase()) return text.toLowerCase();
      throw new ConfigError(
        "host-whitelist",
        `${read.origin("host-whitelist")}: "${text}" is no name; write names without scheme and port, like etcd.example, or * for any`,
      );
    }),
  };
}
