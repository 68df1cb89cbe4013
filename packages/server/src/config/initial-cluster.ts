// --initial-cluster: who founds the cluster together, and this member among them.

import { parsePeerUrl } from "../peers/peer-url.ts";
import { ConfigError } from "./config-error.ts";
import { checkUrl, list, type SettingsReader } from "./settings-reader.ts";

export interface InitialMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** name=url,name=url; a name that occurs twice has two URLs. */
export function parseInitialCluster(text: string): InitialMember[] {
  const members = new Map<string, string[]>();
  for (const part of list(text)) {
    const at = part.indexOf("=");
    if (at <= 0) {
      throw new ConfigError(
        "initial-cluster",
        `--initial-cluster: "${part}" must be name=url, like m1=http://10.0.0.1:2380`,
      );
    }
    const name = part.slice(0, at);
    const url = part.slice(at + 1);
    checkUrl("initial-cluster", "--initial-cluster", url, "peer");
    members.set(name, [...(members.get(name) ?? []), url]);
  }
  return [...members].map(([name, peerUrls]) => ({ name, peerUrls }));
}

export function resolveInitialCluster(
  read: SettingsReader,
  name: string,
  advertised: readonly string[],
): InitialMember[] {
  const text = read.text("initial-cluster");
  if (text === "") return [{ name, peerUrls: advertised }];
  const members = parseInitialCluster(text);
  const own = members.find((member) => member.name === name);
  const names = members.map((member) => member.name).join(", ");
  if (own === undefined) {
    throw new ConfigError(
      "initial-cluster",
      `--initial-cluster names ${names}, but this member is called ${name}; add ${name}=${advertised[0]} or set --name to one of them`,
    );
  }
  const written = [...own.peerUrls].sort().join(",");
  const told = [...advertised].sort().join(",");
  if (written !== told) {
    throw new ConfigError(
      "initial-cluster",
      `--initial-cluster says ${name}=${written}, but --initial-advertise-peer-urls is ${told}; they must be the same`,
    );
  }
  const uncallable = members.flatMap(({ peerUrls }) => peerUrls).find((url) => !parsePeerUrl(url));
  if (members.length > 1 && uncallable !== undefined) {
    throw new ConfigError(
      "initial-cluster",
      `--initial-cluster: nobody can call ${uncallable}; give each member a port of its own`,
    );
  }
  const seen = new Map<string, string>();
  for (const member of members) {
    for (const url of member.peerUrls) {
      const other = seen.get(url);
      if (other !== undefined) {
        throw new ConfigError(
          "initial-cluster",
          `--initial-cluster gives ${url} to ${other} and to ${member.name}; each member needs its own`,
        );
      }
      seen.set(url, member.name);
    }
  }
  return members;
}
