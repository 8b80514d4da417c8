import { Command } from '@commander-js/extra-typings'
import { InstanceSchema, type Instance } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Run } from '../invoke.ts'
import { AT_MACHINES } from '../machines.ts'
import { dryRun, instance, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { instanceSheet } from '../render/instances.ts'
import { spawnNames } from '../spawn-names.ts'
import { isWaiting, until } from '../wait.ts'
import { present, written } from '../written.ts'

export const instanceRestart = (run: Run) =>
  new Command('restart')
    .description('switch a machine off and on again; --wait until it runs')
    .addArgument(instance())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, { dryRun: isDryRun, wait: waitFor }) => {
        const { spawning } = session.clients
        const said = { instance: named, dryRun: isDryRun === true }
        const { instance: asked } = await spawning.restartInstance(said, AT_MACHINES)
        let now = present(asked, 'an instance')
        if (isWaiting(waitFor) && !isDryRun)
          now = await until<Instance>(session, {
            ms: waitFor,
            look: async () => present((await spawning.getInstance({ instance: now.id })).instance, 'an instance'),
            judge: ({ state }) => (state === 'running' ? 'done' : 'not yet'),
            missing: ({ hostname, state, progress }) => ({
              message: `${hostname} is ${state}: ${progress}`,
              next: `fedctl instance show ${hostname}`,
            }),
          })
        const name = await spawnNames(session)
        return written({
          dryRun: isDryRun,
          data: { instance: plain(InstanceSchema, now) },
          text: (canvas) => instanceSheet(now, [], canvas, name),
        })
      }),
    )
