/** How long what was told may be acted on, counted by the reader from the moment it sent the ask that was answered. */
export const LEASE_MS = 1_000

/**
 * How much longer than a lease the barrier waits: two stopwatches do not run alike (NTP may slew one by a few per cent),
 * and a reader whose second is a little long must be over too.
 */
export const MARGIN_MS = 100

/** Four asks fit into a lease: three may be lost on the way before anything is refused. */
export const ASK_EVERY_MS = 250
