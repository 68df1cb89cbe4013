// Why an address could not be bound, in words that say what to do.

export class ListenError extends Error {
  readonly code = "listenFailed";
  readonly url: string;
  constructor(url: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ListenError";
    this.url = url;
  }
}

export function listenError(urls: readonly string[], error: unknown): Error {
  const { code, port } = error as { code?: string; port?: number };
  const url = urls.find((candidate) => Number(new URL(candidate).port) === port) ?? urls[0] ?? "";
  const because = (message: string) => new ListenError(url, message, { cause: error });
  if (code === "EADDRINUSE") {
    return because(
      `port ${port} is in use by another process: stop it, or give another address than ${url}`,
    );
  }
  if (code === "EACCES") {
    return because(`this process may not listen at ${url}: ports below 1024 need rights`);
  }
  if (code === "EADDRNOTAVAIL") {
    return because(
      `${url} is not an address of this machine: listen on one that is, or on 0.0.0.0`,
    );
  }
  return error instanceof Error ? error : new Error(String(error));
}
