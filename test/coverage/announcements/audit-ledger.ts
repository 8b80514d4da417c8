/* oxlint-disable mesh/names -- modules as a whole: a function that has no row here does not compile */
import * as alarms from '../../../services/audit-ledger/src/events/alarms.ts'
import * as erasures from '../../../services/audit-ledger/src/events/erasures.ts'
import * as mirror from '../../../services/audit-ledger/src/events/mirror.ts'
import type { Alarm } from '../../../services/audit-ledger/src/alarm.ts'
import { AT, PEER, ID, LATER, saying, type News } from './saying.ts'

/** Every way in which audit-ledger makes news, once for each word it can say. */
export const AUDIT_LEDGER: News = {
  'audit-ledger/events/alarms.ts': saying(alarms, {
    forkDetected: (tx) => alarms.forkDetected(tx, alarm),
    alarmSettled: (tx) => alarms.alarmSettled(tx, alarm, { actor: 'operator/alice', note: 'looked', at: AT }),
  }),
  'audit-ledger/events/erasures.ts': saying(erasures, {
    entriesErased: async (tx) => {
      for (const log of [PEER, 'platform']) await erasures.entriesErased(tx, { ...ERASED, log, sequences: [1] })
    },
    logPruned: async (tx) => {
      for (const log of [PEER, 'platform']) await erasures.logPruned(tx, { ...ERASED, log, below: 256 })
    },
  }),
  'audit-ledger/events/mirror.ts': saying(mirror, {
    logRecovered: (tx) => mirror.logRecovered(tx, { peerId: PEER, from: 1, to: 2, at: AT }),
    logsReconciled: (tx) => mirror.logsReconciled(tx, PEER, compared, AT),
    differencesFound: (tx) => mirror.differencesFound(tx, PEER, { compared, differences: [] }, AT),
  }),
}

const ERASED = { reason: 'asked for', actor: 'operator/alice', at: AT }

const alarm: Alarm = {
  id: ID,
  peerId: PEER,
  whose: 'theirs',
  kind: 'fork',
  detail: 'two roots',
  firstNote: '',
  secondNote: '',
  at: AT,
  settled: undefined,
}

const COUNTS = { matched: 1, missing_here: 0, missing_there: 0, differing: 0, repeated: 0, pending: 0, unsent: 0, uncompared: 0 } // prettier-ignore

const compared = { since: AT, until: LATER, counts: COUNTS, openSince: AT, heldSize: 1, witnessedSize: 1 }
