import type { Alarm } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { failed, ok, skipped, warning } from '../check.ts'
import type { PeerEvidence } from '../evidence.ts'
import { lasting, since, when } from '../moments.ts'

/** Heads go with every beat: a log that is longer than what the peer signed, for so long, waits for something. */
const LATE_MS = 600_000

/** The log that each side keeps of the other, and whether the other has signed it. */
export function ledgerChecks({ log, alarms, now }: PeerEvidence): Check[] {
  return [...alarmChecks(alarms ?? []), head(log, now)]
}

export const alarmChecks = (alarms: readonly Alarm[]): Check[] =>
  alarms
    .filter(({ settledAt }) => !settledAt)
    .map(({ id, kind, detail, whose, at }) =>
      failed('ledger.alarm', {
        symptom: 'ledger_alarm',
        summary: `an alarm stands since ${when(at)}: ${kind} in ${whose === 'theirs' ? 'their' : 'our'} log`,
        cause: detail,
        side: whose === 'theirs' ? 'them' : 'us',
        command: `fedctl audit alarms ${id}`,
      }),
    )

function head(log: PeerEvidence['log'], now: Date): Check {
  if (log === undefined) return skipped('ledger.head', 'the ledger could not be read')
  if (log === null) return skipped('ledger.head', 'nothing is written about this peer yet')
  const { size, cosignedSize, signedAt, cosignedAt } = log
  const waiting = since(cosignedAt ?? signedAt, now) ?? 0
  if (cosignedSize >= size || waiting < LATE_MS)
    return ok('ledger.head', `${size} entries, ${cosignedSize} of them signed by both sides`)
  return warning('ledger.head', {
    symptom: 'ledger_lag',
    summary: `${size - cosignedSize} entries are not signed by the other side since ${lasting(waiting)}`,
    cause: 'its ledger does not answer, or checkpoints do not get through',
    side: 'them',
    command: 'fedctl audit status',
  })
}
