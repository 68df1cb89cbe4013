export * from "./contract.ts";
export * from "./disk.ts";
