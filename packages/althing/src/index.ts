export {
  Althing,
  AlthingError,
  type AlthingErrorCode,
  type Entry,
  type OpenOptions,
} from "./embedded.ts";
export { version } from "./version.ts";
