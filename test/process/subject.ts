// Which program the process tests hold to their claims: Althing, or etcd to check the tests themselves
// (ALTHING_TEST_PROGRAM=etcd). ALTHING_TEST_PROTOCOL chooses Althing's protocol.

import { type Program, whyMissing } from "../cluster/program.ts";

export const program: Program = process.env["ALTHING_TEST_PROGRAM"] === "etcd" ? "etcd" : "althing";

/** For `{ skip }`: a reason in one line, or false. */
export const skip: string | false = whyMissing(program) ?? false;

export const seed = Number(process.env["ALTHING_TEST_SEED"] ?? 1);
