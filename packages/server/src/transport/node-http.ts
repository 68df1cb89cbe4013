// Node's HTTP/1 library, not by an `import`: that reads every name which the library exports, and one of them
// loads the whole of fetch, a tenth of the time in which a member starts.

export const http: typeof import("node:http") = process.getBuiltinModule("node:http");
