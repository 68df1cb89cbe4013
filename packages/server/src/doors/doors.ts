// The doors that every member has. Another one is a folder beside these and a line here.

import type { OpenDoor } from "./door.ts";
import { openEtcdDoor } from "./etcd/index.ts";

export const doors: readonly OpenDoor[] = [openEtcdDoor];
