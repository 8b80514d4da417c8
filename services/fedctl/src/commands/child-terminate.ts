import { Command } from '@commander-js/extra-typings'
import { ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { changedChild } from '../changed-child.ts'
import type { Run } from '../invoke.ts'
import { child, dryRun, reason, wait } from '../options.ts'
import { effectLines } from '../render/effects.ts'
import { untilChild } from '../spawn-wait.ts'
import { isWaiting } from '../wait.ts'

export const childTerminate = (run: Run) =>
  new Command('terminate')
    .description('end a child and all that was made for it: peering, machine, replication; --wait until it is gone')
    .addArgument(child())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        if (!options.dryRun) await session.confirm(`End ${named}, with its machine and what is on it, for good?`)
        const said = { child: named, reason: options.reason, dryRun: options.dryRun === true }
        const { child: ending, effects } = await session.clients.spawning.terminateChild(said)
        const more = { dryRun: options.dryRun, data: { effects }, text: () => effectLines(effects) }
        const outcome = changedChild(ending, more)
        if (!isWaiting(options.wait) || options.dryRun || !ending) return outcome
        session.emit(outcome)
        const gone = await untilChild(session, ending.id, { ms: options.wait, goal: ChildState.GONE })
        return { ...changedChild(gone), isItem: true }
      }),
    )
