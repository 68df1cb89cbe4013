// Two workers and one job: who wins the election does it, and the other takes over. Plain HTTP and JSON, no client
// library; the same calls work against etcd. Needs a cluster: `npm start` in another terminal.
// Run it: node examples/leader-election.ts [http://127.0.0.1:2379]

interface LeaderKey {
  readonly name: string;
  readonly key: string;
  readonly rev: string;
  readonly lease: string;
}

const endpoint = process.argv[2] ?? "http://127.0.0.1:2379";
const name = base64("job");

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function post(path: string, body: object): Promise<Response> {
  return fetch(`${endpoint}/v3${path}`, { method: "POST", body: JSON.stringify(body) });
}

async function call<T>(path: string, body: object): Promise<T> {
  const answer = await post(path, body);
  const json = (await answer.json()) as T & { readonly message?: string };
  if (!answer.ok) throw new Error(`${path}: ${json.message}`);
  return json;
}

/** Leads for as long as its lease lives: a worker that dies or is cut off loses both within ten seconds. */
async function campaign(worker: string): Promise<{ leader: LeaderKey; stop: () => Promise<void> }> {
  const { ID } = await call<{ ID: string }>("/lease/grant", { TTL: 10 });
  const alive = setInterval(() => {
    post("/lease/keepalive", { ID }).then((answer) => answer.text(), console.error);
  }, 3_000);
  // Answered once it leads, however long that takes.
  const { leader } = await call<{ leader: LeaderKey }>("/election/campaign", {
    name,
    lease: ID,
    value: base64(worker),
  });
  const stop = async () => {
    clearInterval(alive);
    await call("/election/resign", { leader });
    await call("/lease/revoke", { ID });
  };
  return { leader, stop };
}

/** A line for each leader, and for all that it proclaims. */
async function* leaders(): AsyncGenerator<string> {
  const { body } = await post("/election/observe", { name });
  let text = "";
  for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
    const lines = (text + piece).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const { result } = JSON.parse(line) as { result: { kv: { value: string } } };
      yield Buffer.from(result.kv.value, "base64").toString();
    }
  }
}

const first = await campaign("ada");
const next = campaign("bob");
let told = 0;
for await (const leader of leaders()) {
  console.log(`leader: ${leader}`);
  told++;
  if (told === 1) {
    await call("/election/proclaim", { leader: first.leader, value: base64("ada, half done") });
  } else if (told === 2) await first.stop();
  else break;
}
await (await next).stop();
console.log("nobody leads any more");
