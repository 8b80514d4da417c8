import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { auditAlarms } from '../commands/audit-alarms.ts'
import { auditErase } from '../commands/audit-erase.ts'
import { auditExcerpts } from '../commands/audit-excerpts.ts'
import { auditExport } from '../commands/audit-export.ts'
import { auditGet } from '../commands/audit-get.ts'
import { auditKeys } from '../commands/audit-keys.ts'
import { auditLog } from '../commands/audit-log.ts'
import { auditProve } from '../commands/audit-prove.ts'
import { auditPrune } from '../commands/audit-prune.ts'
import { auditReceipt } from '../commands/audit-receipt.ts'
import { auditReconcile } from '../commands/audit-reconcile.ts'
import { auditStatus } from '../commands/audit-status.ts'
import { auditVerify } from '../commands/audit-verify.ts'
import { eventsList } from '../commands/events-list.ts'
import { eventsWatch } from '../commands/events-watch.ts'
import type { Run, RunAlone } from '../invoke.ts'
import { noun } from './noun.ts'

/** What happened: as it is announced, and as it is written where neither side can change it. */
export const ledgerNouns = (run: Run, runAlone: RunAlone): CommandUnknownOpts[] => [
  noun('events', 'what happens').addCommand(eventsWatch(run)).addCommand(eventsList(run)),
  noun('audit', 'the ledger: what happened, in an order that neither side can change')
    .addCommand(auditStatus(run))
    .addCommand(auditLog(run))
    .addCommand(auditGet(run))
    .addCommand(auditProve(run))
    .addCommand(auditVerify(run, runAlone))
    .addCommand(auditReconcile(run))
    .addCommand(auditExport(run))
    .addCommand(auditExcerpts(run))
    .addCommand(auditReceipt(run))
    .addCommand(auditErase(run))
    .addCommand(auditPrune(run))
    .addCommand(auditKeys(run))
    .addCommand(auditAlarms(run)),
]
