import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import {
  RemediationSettingsSchema,
  RemediationStatusSchema,
} from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { statusSheet } from '../render/remediations.ts'
import { durationMs, share, whole } from '../values.ts'
import { present, written } from '../written.ts'

export const remediationSettings = (run: Run) =>
  new Command('settings')
    .description('by which figures the loop decides; without options, those that hold')
    .option('--breaker-share <share>', 'so many late at once are us: 0.3 or 30%', share)
    .option('--breaker-least <count>', 'and at least so many', whole)
    .option('--budget <count>', 'peers that may be degraded within an hour; 0 for a tenth of all', whole)
    .option('--patience <count>', 'how often a peer that answers probes is given another stale limit', whole)
    .option('--clock-skew <duration>', 'a clock further off is a signal, for example 30s', durationMs)
    .option('--cert-warning <duration>', 'certificates that end within this are a signal, for example 30d', durationMs)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, { dryRun: isDryRun, ...said }) => {
        const { wait: _wait, ...wanted } = said
        const { remediation } = session.clients
        const before = present((await remediation.getRemediationStatus({})).status, 'how it stands')
        const held = present(before.settings, 'what holds')
        const isQuestion = Object.values(wanted).every((value) => value === undefined)
        const settings = create(RemediationSettingsSchema, {
          ...held,
          breakerShare: wanted.breakerShare ?? held.breakerShare,
          breakerLeast: wanted.breakerLeast ?? held.breakerLeast,
          budgetPerHour: wanted.budget ?? held.budgetPerHour,
          patience: wanted.patience ?? held.patience,
          ...(wanted.clockSkew !== undefined && { clockSkew: durationFromMs(wanted.clockSkew) }),
          ...(wanted.certWarning !== undefined && { certWarning: durationFromMs(wanted.certWarning) }),
        })
        const answer = isQuestion
          ? undefined
          : await remediation.setRemediationSettings({ settings, dryRun: isDryRun === true })
        const status = answer ? present(answer.status, 'how it stands') : before
        return written({
          dryRun: isDryRun,
          data: { status: plain(RemediationStatusSchema, status) },
          text: (canvas) => statusSheet(status, canvas),
        })
      }),
    )
