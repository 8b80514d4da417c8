import { Command } from '@commander-js/extra-typings'
import { ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { changedChild } from '../changed-child.ts'
import type { Run } from '../invoke.ts'
import { child, dryRun, wait } from '../options.ts'
import { standsAt } from '../render/children.ts'
import { untilChild } from '../spawn-wait.ts'
import { isWaiting } from '../wait.ts'

export const childResume = (run: Run) =>
  new Command('resume')
    .description('try a step that failed or waits again now; --wait until the child is active')
    .addArgument(child())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { spawning } = session.clients
        // What would be tried again stands in the record already: to rehearse is to look.
        if (options.dryRun) {
          const { child: stands } = await spawning.getChild({ child: named })
          const text = () => `  - tried again: ${standsAt(stands?.steps ?? [])}`
          return changedChild(stands, { dryRun: true, text })
        }
        const { child: resumed } = await spawning.resumeSpawn({ child: named })
        if (!isWaiting(options.wait) || !resumed) return changedChild(resumed)
        return { ...changedChild(await untilChild(session, resumed.id, { ms: options.wait, goal: ChildState.ACTIVE })), isItem: true } // prettier-ignore
      }),
    )
