// The client port and the transport port that doors describe themselves by.

export { type Chargeable, limitsOf, MemoryBudget, processBytesDefault } from "./budget.ts";
export { ByteCollector } from "./byte-collector.ts";
export { ConnectionGate, gateLimitsOf } from "./connection-gate.ts";
export type { MethodCounters, TransportCounters } from "./counters.ts";
export { countMethods, createTransportCounters } from "./counters.ts";
export { armDeadline } from "./deadline.ts";
export { plainText } from "./entrance.ts";
export { backlogBytesMax } from "./grpc-call.ts";
export { parseGrpcTimeout } from "./grpc-headers.ts";
export { httpBodyBytesMax } from "./http-exchange.ts";
export type { ClientListener, ListenOptions } from "./listen.ts";
export { listenClients } from "./listen.ts";
export { http } from "./node-http.ts";
export { visitorOf } from "./peer-address.ts";
export type * from "./port.ts";
export { grpcStatus, overloaded } from "./port.ts";
export { hostOf, originOf, type VisitorRulesOptions } from "./visitor-rules.ts";
