/** What a processor of the last ten years does in a third of this. */
const SLOW_MS = 200
const ADDITIONS = 50_000_000

/**
 * Whether a second is little time on this machine: it adds numbers at less than half the usual pace, or has no processor for us.
 *
 * On such a machine as many test files run at a time as there are cores, and platforms give leases of three seconds (FEED_LEASE),
 * since those of one would run out while another platform starts beside them.
 */
export function isSlowMachine(): boolean {
  const from = performance.now()
  let sum = 0
  for (let n = 0; n < ADDITIONS; n++) sum = (sum * 31 + n) | 0
  return performance.now() - from > SLOW_MS && sum !== -1
}
