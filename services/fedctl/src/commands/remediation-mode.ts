import { Command } from '@commander-js/extra-typings'
import { RemediationStatusSchema } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, reason, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { statusSheet } from '../render/remediations.ts'
import { present, written } from '../written.ts'

/** A command that says what the loop may do. It asks nothing first: who reaches for it is in a hurry, and it is undone by another. */
const mode = (said: { command: string; mode: string; description: string }) => (run: Run) => {
  const why = reason()
  // Hours later nobody knows why nothing is degraded, unless it was said.
  if (said.mode === 'paused') why.default(undefined).makeOptionMandatory()
  return new Command(said.command)
    .description(said.description)
    .addOption(why)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, options) => {
        const request = { mode: said.mode, reason: options.reason, dryRun: options.dryRun === true }
        const answer = await session.clients.remediation.setRemediationMode(request)
        const status = present(answer.status, 'how it stands')
        return written({
          dryRun: options.dryRun,
          data: { status: plain(RemediationStatusSchema, status) },
          text: (canvas) => statusSheet(status, canvas),
        })
      }),
    )
}

export const remediationPause = mode({
  command: 'pause',
  mode: 'paused',
  description: 'nobody is probed or degraded; silence is still named',
})

export const remediationResume = mode({
  command: 'resume',
  mode: 'acting',
  description: 'act again; what was held is looked at with the next tick',
})

export const remediationObserve = mode({
  command: 'observe',
  mode: 'observing',
  description: 'probe and decide, write down what would have been done, and do nothing',
})
