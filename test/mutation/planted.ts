// Preloaded into every process of a test: alters one source, the one that ALTHING_PLANTED tells, while it is loaded. Production
// carries no hooks for it.

import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

const { file, start, end, text } = JSON.parse(process.env["ALTHING_PLANTED"] ?? "{}");

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith("file:") || fileURLToPath(url) !== file) return loaded;
    const source = `${loaded.source}`;
    return { ...loaded, source: source.slice(0, start) + text + source.slice(end) };
  },
});
