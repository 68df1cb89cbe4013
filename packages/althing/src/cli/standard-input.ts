// All that comes on standard input. A person at a terminal is told that it is awaited.

export async function readStandardInput(what: string): Promise<Buffer> {
  if (process.stdin.isTTY) process.stderr.write(`${what}, ended by Ctrl-D: `);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
