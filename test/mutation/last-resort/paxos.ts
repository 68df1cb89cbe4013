import { lastResort } from "./worlds.ts";

lastResort("paxos");
