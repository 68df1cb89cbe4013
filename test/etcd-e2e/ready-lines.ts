// Loaded into a member by `node --import`: says "published" and "enabled capabilities for version" once the member
// serves clients, knows a leader and has told the cluster its name, because etcd's tests wait for these two lines of
// etcd's own log. A member that comes back has told its name before, and says nothing of it.

const nameWaitMs = 1_000;
const seen = { ready: false, leader: false, named: false };
let waiting: NodeJS.Timeout | undefined;
let said = false;

function say(): void {
  if (said) return;
  said = true;
  clearTimeout(waiting);
  process.stderr.write("enabled capabilities for version 3.4\npublished\n");
}

for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream) as (text: unknown, ...rest: unknown[]) => boolean;
  stream.write = ((text: unknown, ...rest: unknown[]): boolean => {
    const answer = write(text, ...rest);
    const line = String(text);
    seen.ready ||= line.includes("ready for clients");
    seen.leader ||= line.includes('"leader":"');
    seen.named ||= line.includes("told the cluster the name");
    if (seen.ready && seen.leader) {
      if (seen.named) say();
      else waiting ??= setTimeout(say, nameWaitMs).unref();
    }
    return answer;
  }) as typeof stream.write;
}
