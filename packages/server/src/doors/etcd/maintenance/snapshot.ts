// The store as a stream that a client writes to a file as it comes: pieces of at most 32 KiB, then the
// SHA-256 of all of them. What is in the file is ours (snapshot-file.ts); the frame around it is etcd's. A
// slow reader holds the view of the store and nothing else.

import { createHash } from "node:crypto";
import { type EtcdInit, type EtcdMessage, etcdCodecs } from "@althing/wire";
import { snapshotFrame, snapshotPadding, snapshotPreamble } from "../../../snapshot-file.ts";
import type { ServerStreamMethod } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import type { Admission } from "../admission.ts";
import type { Access } from "../auth/access.ts";
import { failWith } from "../errors.ts";
import { runInSteps, stepFault } from "../steps.ts";

const pieceBytesMax = 32 * 1024;
/** What a reader and the pieces that it makes occupy, measured with thousands. */
const readerBytes = 512 * 1024;

export function snapshotMethod(dependencies: {
  readonly context: DoorContext;
  readonly admission: Admission;
  readonly access: Access;
}): ServerStreamMethod<EtcdMessage<"SnapshotRequest">, EtcdInit<"SnapshotResponse">> {
  const { context, admission, access } = dependencies;
  const { store } = context;
  return {
    kind: "serverStream",
    service: "etcdserverpb.Maintenance",
    method: "Snapshot",
    decode: etcdCodecs.SnapshotRequest.decode,
    encode: (writer, response) => etcdCodecs.SnapshotResponse.write(response, writer),
    handle(_request, call) {
      const fault = admission.refuse(call, true) ?? access.refusesNonAdmin(call);
      if (fault !== undefined) {
        failWith(call, fault);
        return;
      }
      if (!call.charge(readerBytes)) {
        failWith(call, "answersFull");
        return;
      }
      const reader = store.openSnapshot();
      const digest = createHash("sha256");
      // How long the stream will be is known at its end; until then it is what the store says it holds.
      let expected = store.bytesInUse;
      let sentBytes = 0;
      let held: Uint8Array = snapshotPreamble();
      let ended = false;

      /** Everything but the newest piece: of the last one it must be known that it is the last. */
      const sendPieces = (isLast: boolean): boolean => {
        let flows = true;
        while (held.length > pieceBytesMax || (isLast && held.length > 0)) {
          const blob = held.subarray(0, pieceBytesMax);
          held = held.subarray(blob.length);
          digest.update(blob);
          sentBytes += blob.length;
          expected = Math.max(expected - blob.length, 1);
          const remaining = isLast && held.length === 0 ? 0 : expected;
          flows = call.send({ remaining_bytes: remaining, blob });
        }
        return flows;
      };
      const step = () => {
        if (ended) return false;
        const chunk = reader.next();
        if (chunk === undefined) {
          ended = true;
          held = Buffer.concat([held, snapshotPadding(sentBytes + held.length)]);
          sendPieces(true);
          call.send({ remaining_bytes: 0, blob: digest.digest() });
          call.end();
          return false;
        }
        held = Buffer.concat([held, snapshotFrame(chunk)]);
        if (sendPieces(false)) return true;
        call.onDrain(run);
        return false;
      };
      const run = () => {
        runInSteps(step, (error) => {
          ended = true;
          reader.close();
          failWith(call, stepFault(error, context));
        });
      };
      call.onCancel(() => {
        ended = true;
        reader.close();
      });
      run();
    },
  };
}
