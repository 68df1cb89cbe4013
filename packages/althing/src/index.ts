export {
  type Random,
  type Simulated,
  type SimulateOptions,
  type SimulationFailure,
  simulate,
} from "@althing/simulator";
export {
  Althing,
  AlthingError,
  type AlthingErrorCode,
  type Entry,
  type OpenOptions,
  type TlsSettings,
} from "./embedded.ts";
export {
  type Machine,
  type MachineContext,
  Replica,
  type ReplicaMember,
  type ReplicateOptions,
  replicate,
} from "./replicate.ts";
export { version } from "./version.ts";
