// The generic codec of every message of etcd's API, compiled from the schema on first use.

import { compileSchema } from "../protobuf/codec.ts";
import { etcdSchema } from "./schema.ts";

export const etcdCodecs = compileSchema(etcdSchema);
