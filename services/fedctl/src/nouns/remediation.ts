import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { remediationList } from '../commands/remediation-list.ts'
import { remediationObserve, remediationPause, remediationResume } from '../commands/remediation-mode.ts'
import { remediationRun } from '../commands/remediation-run.ts'
import { remediationSettings } from '../commands/remediation-settings.ts'
import { remediationShow } from '../commands/remediation-show.ts'
import { remediationStatus } from '../commands/remediation-status.ts'
import { signalList } from '../commands/signal-list.ts'
import type { Run } from '../invoke.ts'
import { noun } from './noun.ts'

/** What is wrong with peerings, and what is done about it. */
export const remediationNouns = (run: Run): CommandUnknownOpts[] => [
  noun('signal', 'what is wrong with peerings now').addCommand(signalList(run)),
  noun('remediation', 'what was decided about silent peers, and what the loop that decides may do')
    .addCommand(remediationList(run))
    .addCommand(remediationShow(run))
    .addCommand(remediationStatus(run))
    .addCommand(remediationRun(run))
    .addCommand(remediationPause(run))
    .addCommand(remediationResume(run))
    .addCommand(remediationObserve(run))
    .addCommand(remediationSettings(run)),
]
