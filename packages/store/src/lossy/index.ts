export { type Chance, type Landing, type LossyDevice, LossyDisk } from "./lossy-disk.ts";
