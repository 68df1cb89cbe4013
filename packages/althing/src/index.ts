export {
  Althing,
  AlthingError,
  type AlthingErrorCode,
  type Entry,
  type OpenOptions,
  type TlsSettings,
} from "./embedded.ts";
export { version } from "./version.ts";
