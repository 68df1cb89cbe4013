export type { Landing, LossyDevice } from "./device.ts";
export { type Chance, LossyDisk } from "./lossy-disk.ts";
