// What a member asks of V8 when its process starts; the command `bin/althing` says the same. Nearly all
// that a member allocates is garbage by the next turn: a nursery that is let grow to its default of more
// than 100 MiB saves it no work, and stays resident ever after.

export const memberNodeFlags: readonly string[] = ["--max-semi-space-size=8"];
