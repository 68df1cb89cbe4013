import { lastResort } from "./worlds.ts";

lastResort("raft");
