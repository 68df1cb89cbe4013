// A key of the store as the messages of the generic codecs have it.

import type { KeyValue } from "@althing/store";
import type { EtcdInit } from "@althing/wire";

export function storedKeyValue(kv: KeyValue): EtcdInit<"KeyValue"> {
  return {
    key: Buffer.from(kv.key, "latin1"),
    create_revision: kv.createRevision,
    mod_revision: kv.modRevision,
    version: kv.version,
    value: kv.value,
    lease: kv.lease,
  };
}
