export { etcdCodecs } from "./etcd/codecs.ts";
export * from "./etcd/hot.ts";
export type { EtcdInit, EtcdMessage, EtcdMessageName } from "./etcd/schema.ts";
export { etcdSchema } from "./etcd/schema.ts";
export type { RpcKind, RpcSpec } from "./etcd/services.ts";
export { etcdRpcs } from "./etcd/services.ts";
export type { CodecsOf, MessageCodec } from "./protobuf/codec.ts";
export { compileSchema } from "./protobuf/codec.ts";
export type { WireErrorCode } from "./protobuf/errors.ts";
export { WireError } from "./protobuf/errors.ts";
export type { JsonMapping } from "./protobuf/json.ts";
export { createJsonMapping } from "./protobuf/json.ts";
export { Reader } from "./protobuf/reader.ts";
export type { MessageInit, MessageOf, Schema } from "./protobuf/schema.ts";
export type { TextPrimitives } from "./protobuf/text.ts";
export {
  decodeLatin1,
  installTextPrimitives,
  latin1ToBytes,
  portableText,
  utf8ToBytes,
} from "./protobuf/text.ts";
export { Writer } from "./protobuf/writer.ts";
