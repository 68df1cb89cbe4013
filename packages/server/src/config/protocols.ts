// The names that --protocol takes, and the sizes of Paxos' quorums.

export const protocolNames = ["raft", "paxos", "zab"] as const;
export type ProtocolName = (typeof protocolNames)[number];

export interface PaxosQuorums {
  readonly prepare: number;
  readonly accept: number;
}

/** "4,2" for so many voters; a complaint for people when it cannot be. 0 voters: not known yet. */
export function parsePaxosQuorums(text: string, voters: number): PaxosQuorums | string {
  const match = /^\s*(\d{1,3})\s*,\s*(\d{1,3})\s*$/.exec(text);
  const prepare = Number(match?.[1] ?? 0);
  const accept = Number(match?.[2] ?? 0);
  if (prepare === 0 || accept === 0) {
    return `"${text}" is not two sizes of quorums; write it like 4,2: prepare, then accept`;
  }
  if (voters > 0 && (prepare > voters || accept > voters)) {
    return `${voters} members cannot make up quorums of ${prepare} and ${accept}`;
  }
  if (voters > 0 && prepare + accept <= voters) {
    return `quorums of ${prepare} and ${accept} of ${voters} members need not meet: two leaders could choose differently. Their sum must be above ${voters}`;
  }
  return { prepare, accept };
}
