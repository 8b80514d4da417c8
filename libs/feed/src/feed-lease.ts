import { durationMs } from '@powernode/process'
import { LEASE_MS, LONGEST_LEASE_MS } from './lease.ts'

/** The setting FEED_LEASE of a service that has feeds. What is changed there is in force everywhere after as long, at the latest. */
export const feedLease = durationMs
  .refine((ms) => ms >= LEASE_MS && ms <= LONGEST_LEASE_MS, 'is not between 1s and 5s')
  .default(LEASE_MS)
  .describe('for how long readers go by what they were told last: longer only where a second is no time')
