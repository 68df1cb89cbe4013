export type * from "./doors/context.ts";
