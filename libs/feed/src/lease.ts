/**
 * How long what was told may be acted on, counted by the reader from the moment it sent the ask that was answered. A feed may
 * be given a longer one, for a machine so slow that a second is no time.
 */
export const LEASE_MS = 1_000
/** No reader believes anything for longer, whatever it is told; and who is dead is removed only when this is over. */
export const LONGEST_LEASE_MS = 5_000

/**
 * How long the barrier waits for a lease: two stopwatches do not run alike (NTP may slew one by a few per cent), and a reader
 * whose second is a little long must be over too.
 */
export const untilOver = (leaseMs: number): number => leaseMs * 1.1

/** Four asks fit into a lease: three may be lost on the way before anything is refused. */
export const ASKS_PER_LEASE = 4
