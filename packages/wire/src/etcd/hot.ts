// The hot codecs: the messages of the KV and Watch services by hand, in the shape the store speaks, so that
// nothing stands between a frame and a command. A property test holds each against the generic codec.

export type { DeleteRangeMessage } from "./hot/delete-range.ts";
export {
  decodeDeleteRangeRequest,
  encodeDeleteRangeResponse,
} from "./hot/delete-range.ts";
export { encodeHeaderIds } from "./hot/header.ts";
export type { WireKeyValue } from "./hot/key-value.ts";
export type { PutMessage } from "./hot/put.ts";
export { decodePutRequest, encodePutResponse } from "./hot/put.ts";
export type { RangeMessage, WireSortOrder, WireSortTarget } from "./hot/range.ts";
export {
  decodeRangeRequest,
  encodeRangeHead,
  encodeRangeOpHead,
  encodeRangePiece,
  encodeRangeResponse,
  encodeRangeTail,
} from "./hot/range.ts";
export type { CompareMessage, OpMessage, TxnMessage, WireOpResult } from "./hot/txn.ts";
export {
  decodeTxnRequest,
  encodeRangeOpPrefix,
  encodeTxnHead,
  encodeTxnResponse,
} from "./hot/txn.ts";
export type { WatchResponseMessage, WireEvent } from "./hot/watch.ts";
export { encodeWatchEvents, encodeWatchResponse } from "./hot/watch.ts";
