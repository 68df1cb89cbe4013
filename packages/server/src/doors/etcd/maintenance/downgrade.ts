// Whether the cluster could be handed back to an older version, as etcd judges it: one minor version back
// at a time. No such job is ever begun here, and asking for one says so.

import { type EtcdMessage, etcdSchema } from "@althing/wire";
import type { EtcdErrorCode } from "../errors.ts";

const { VALIDATE, ENABLE, CANCEL } = etcdSchema.enums.DowngradeAction;

export function downgradeFault(
  { action, version }: Pick<EtcdMessage<"DowngradeRequest">, "action" | "version">,
  clusterVersion: string,
): EtcdErrorCode | undefined {
  // Without a job there is nothing to cancel, and etcd does not call that an error either.
  if (action === CANCEL) return undefined;
  if (action !== VALIDATE && action !== ENABLE) return "downgradeActionUnknown";
  const target = /^(\d+)\.(\d+)(?:\.\d+)?$/.exec(version);
  if (target === null) return "downgradeVersionMalformed";
  const [major, minor] = clusterVersion.split(".").map(Number);
  const isNext = Number(target[1]) === major && Number(target[2]) === minor! - 1;
  if (!isNext) return "downgradeVersionInvalid";
  return action === ENABLE ? "downgradeUnsupported" : undefined;
}
