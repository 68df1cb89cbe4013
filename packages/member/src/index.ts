export * from "./contract.ts";
export type * from "./ports.ts";
