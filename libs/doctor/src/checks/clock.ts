import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { failed, ok } from '../check.ts'
import type { PeerEvidence } from '../evidence.ts'
import { lasting, msOf } from '../moments.ts'

/** Beyond this, unless the loop's settings say otherwise, a clock is wrong. */
const SKEW_MS = 30_000
/** With fewer clocks to compare with, nobody can say whose is wrong. */
const WITNESSES = 2

/** The two clocks. Whose is wrong is told by those of other peers: when they all differ alike, it is ours. */
export function clockChecks({ freshness, others, listening }: PeerEvidence): Check[] {
  const offset = msOf(freshness?.clockOffset)
  if (offset === undefined) return []
  const limit = msOf(listening?.settings?.clockSkew) ?? SKEW_MS
  if (Math.abs(offset) <= limit) return [ok('clock.theirs', `the two clocks differ by ${lasting(offset)}`)]
  const witnesses = (others ?? []).flatMap(({ clockOffset }) => msOf(clockOffset) ?? [])
  const alike = witnesses.filter((other) => Math.abs(other - offset) < limit / 2).length
  const ours = witnesses.length >= WITNESSES && alike * 2 > witnesses.length
  return [
    failed('clock.theirs', {
      symptom: 'clock_skew',
      summary: `their clock is ${lasting(offset)} ${offset > 0 ? 'ahead of' : 'behind'} ours`,
      cause:
        others === undefined
          ? 'whose is wrong, no other clock has told: look at both'
          : ours
            ? `the clocks of ${alike} other peers differ from ours alike: it is ours that is wrong`
            : witnesses.length >= WITNESSES
              ? 'other peers agree with our clock'
              : 'there are too few other peers to tell whose is wrong: look at both',
      side: ours ? 'us' : 'them',
      command: 'chronyc tracking',
    }),
  ]
}
