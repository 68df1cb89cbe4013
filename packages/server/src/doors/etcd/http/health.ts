// GET /health, /livez and /readyz: whether this member can serve, for people, load balancers and orchestrators.
// Each check has a name that can be excluded or asked for alone, with the texts of etcd.

import type { HttpReply, HttpRequest, HttpRoute } from "../../../transport/index.ts";
import type { DoorContext } from "../../context.ts";
import { etcdErrors } from "../errors.ts";

export interface HealthCounters {
  successes: number;
  failures: number;
}

const forMonitors = { audience: "monitors", methods: ["GET"] } as const;

/** Calls back with "" or the reason why it failed. */
type Check = (done: (failure: string) => void) => void;

const plain = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };

export function healthRoutes(context: DoorContext, counters: HealthCounters): HttpRoute[] {
  const { member } = context;
  const checks: Readonly<Record<string, Check>> = {
    serializable_read(done) {
      const { state } = member.status();
      done(state === "running" ? "" : etcdErrors[state].message);
    },
    linearizable_read(done) {
      member.read((error) => done(error === undefined ? "" : etcdErrors[error.code].message));
    },
    data_corruption(done) {
      const corrupt = context.store.alarms().some((alarm) => alarm.alarm === "corrupt");
      done(corrupt ? "alarm activated: CORRUPT" : "");
    },
    non_learner(done) {
      done(member.status().role === "learner" ? "the local member is a learner" : "");
    },
  };
  const groups = {
    "/livez": ["serializable_read"],
    "/readyz": ["data_corruption", "serializable_read", "linearizable_read", "non_learner"],
  };
  const count = (failure: string) => {
    if (failure === "") counters.successes++;
    else counters.failures++;
    return failure;
  };

  const routes: HttpRoute[] = [
    {
      path: "/health",
      ...forMonitors,
      handle: (request, reply) => {
        health(context, checks, request, (reason) => {
          const body = JSON.stringify({ health: count(reason) === "" ? "true" : "false", reason });
          // A refusal goes the way of error texts, which end their line.
          if (reason === "") reply.respond(200, { "Content-Type": "text/plain" }, body);
          else reply.respond(503, plain, `${body}\n`);
        });
      },
    },
  ];
  for (const [path, names] of Object.entries(groups)) {
    const handle = (request: HttpRequest, reply: HttpReply) => {
      const one = request.path.slice(path.length + 1);
      if (one !== "" && !names.includes(one)) {
        reply.respond(404, plain, "404 page not found\n");
        return;
      }
      const excluded = request.query.getAll("exclude");
      const wanted = (one === "" ? names : [one]).filter((name) => !excluded.includes(name));
      runChecks(checks, wanted, (outcomes) => {
        const failed = outcomes.some(({ failure }) => failure !== "");
        count(failed ? "failed" : "");
        const lines = outcomes.map(({ name, failure }) =>
          failure === "" ? `[+]${name} ok\n` : `[-]${name} failed: ${failure}\n`,
        );
        const verdict = failed ? `${path.slice(1)} check failed\n` : "ok\n";
        const text = failed || request.query.has("verbose") ? lines.join("") + verdict : "ok\n";
        reply.respond(failed ? 503 : 200, plain, text);
      });
    };
    routes.push({ path, ...forMonitors, handle }, { path: `${path}/*`, ...forMonitors, handle });
  }
  return routes;
}

function health(
  context: DoorContext,
  checks: Readonly<Record<string, Check>>,
  request: HttpRequest,
  done: (reason: string) => void,
): void {
  const excluded = request.query.getAll("exclude");
  for (const { alarm } of context.store.alarms()) {
    const name = alarm.toUpperCase();
    if (!excluded.includes(name)) {
      done(`ALARM ${name}`);
      return;
    }
  }
  const serializable = request.query.get("serializable") === "true";
  if (!serializable && context.member.status().leader === undefined) {
    done("RAFT NO LEADER");
    return;
  }
  const check = serializable ? checks["serializable_read"] : checks["linearizable_read"];
  check?.((failure) => done(failure === "" ? "" : `RANGE ERROR:${failure}`));
}

function runChecks(
  checks: Readonly<Record<string, Check>>,
  names: readonly string[],
  done: (outcomes: readonly { name: string; failure: string }[]) => void,
): void {
  const outcomes: { name: string; failure: string }[] = [];
  const next = () => {
    const name = names[outcomes.length];
    if (name === undefined) {
      done(outcomes);
      return;
    }
    checks[name]!((failure) => {
      outcomes.push({ name, failure });
      next();
    });
  };
  next();
}
