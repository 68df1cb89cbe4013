import { lastResort } from "./worlds.ts";

lastResort("zab");
