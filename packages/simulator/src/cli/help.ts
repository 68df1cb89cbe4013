// What `althing sim --help` says.

export const help = `Runs the members' own code in a hostile, deterministic world.

One 64-bit seed decides everything: cluster size, timeouts, faults, what clients do. The cores, log,
store and member runtime are the ones that production runs. The store mostly runs the disk engine, production's
default, over a disk that loses what was not committed (LMDB itself is not run), and in one seed of five the
memory engine. Network, disks, clocks and processes are virtual. The same commit, protocol, seed and options
always give the same run, event by event.

Usage: althing sim [options]
       althing sim run FILE... [--trace] [--svg FILE]
       althing sim shrink --seed N | FILE [options]
       althing sim explore [options]

Options:
  --protocol raft|paxos|zab   default raft
  --seed N                    this seed (decimal or 0x...)
  --seeds N [--from N]        N seeds beginning with --from (default 1); default 100
  --minutes M                 until the time is over
  --members N                 always N voters (default: 1 to 7, drawn)
  --paxos-quorums P,A         acceptors that Paxos needs to prepare and to accept (default: mostly
                              majorities, drawn)
  --reads quorum|lease        how leaders confirm reads (default: drawn)
  --engine disk|memory        what is under the store (default: drawn)
  --seconds S                 simulated seconds of faults (default: 15 to 40 election timeouts)

Which faults (default: each seed draws its own mix)
  --faults LIST               only these: crash,pause,partition,network,disk,damage,clock,
                              membership,transfer - or none
  --no-crash  --no-partition  ...  everything but these
  --lying-disks               disks acknowledge syncs that they did not do; no log survives that,
                              so this run must fail: the canary

Who else works with the cluster (default: drawn, in half of the seeds; auth in a quarter)
  --actors LIST               these and no others: holder (of leases), watcher, contender (for locks and
                              elections), compactor (compacts, and reads the past), loader (many keys),
                              reader (all of them, in many steps), administrator (changes who may do
                              what), user (who may or may not) - or none

What to show
  --trace                     every event, readable (with --seed or run)
  --svg FILE                  space-time diagram (with --seed or run)
  --json                      one JSON object per run and line: protocol, seed, result, traceHash,
                              simulatedMs, ...; with --trace one per event
  --workers N                 default: one per core
  --keep-going                do not stop at the first failure

shrink takes --seed (with the flags that the failing run had) or a scenario file, and
  --out FILE                  where to write it (default: the scenario goes to standard output)
  --tries N                   most runs to try (default 400)

explore lets three cores do all that they can and tells how many states there are. What does not hold is
told by the shortest way to it, as a script. How often each may happen at most:
  --terms N                   a member stands for election (default 1)
  --entries N                 a leader is given a command (default 1)
  --crashes N --drops N       crashes, with any part of what is being written; messages lost
  --installs N                a leader compacts its log, so that others may need a snapshot
  --memberships N             a member is removed, or those that are to join are added
  --transfers N --beats N     leadership is handed over; a member lets a heartbeat's time pass
  --reads N [--leases 1]      a leader is asked for a read, which it may answer from a lease
  --members N [--joiners N]   members (default 3), of whom so many are no voters at first
  --delays N                  not every order, but the one in which all arrives at once, and those that it
                              becomes when N times a connection or a disk falls behind. So more can
                              happen at once: --terms 2 --entries 2 --crashes 1 --drops 1 --delays 0
  --suite small|large         what is known to come to an end, as a table (with --protocol: of that one)
  --states N --minutes N      gives up there, with exit code 13 (default 200000000 states, at about 16
                              bytes each and 60 for those that are gone on from); SIGINT does the same

Exit codes:
  0  every run passed
  3  the command line is wrong
  10 crash: an assertion failed, a member died or did not start
  11 safety: a property that must always hold did not
  12 liveness: a healed cluster made no progress in time
  13 undecided: the linearizability search, or explore, reached its bound; that is never counted as fine
  14 vacuous: clients were hardly answered and the faults do not explain it, or no progress was
     demanded after the healing; a run that did no work is not a pass

A failure prints the one command that replays it. Events are documented in docs/trace.md.

Examples:
  althing sim --seeds 1000                 # a thousand seeds of Raft, on all cores
  althing sim --minutes 10                 # as many as ten minutes hold
  althing sim --seed 42 --trace            # one run, told event by event
  althing sim --seed 42 --svg run.svg      # one run as a space-time diagram
  althing sim shrink --seed 42 --out f.json
                                           # makes a failing run small and keeps it as a scenario
  althing sim run f.json                   # replays it
  althing sim explore --protocol paxos --terms 2 --crashes 1
                                           # not runs: everything that can happen within bounds
`;
