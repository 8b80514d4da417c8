import { Command } from '@commander-js/extra-typings'
import { InstanceSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Run } from '../invoke.ts'
import { allPages } from '../pages.ts'
import { plain } from '../plain.ts'
import { instanceTable } from '../render/instances.ts'
import { spawnNames } from '../spawn-names.ts'

export const instanceList = (run: Run) =>
  new Command('list')
    .description('the machines of our children, and what each is doing')
    .option('--provider <provider>', 'only of this one: id or name', '')
    .action(
      run(async (session, { provider }) => {
        const instances = await allPages(
          (pageToken) => session.clients.spawning.listInstances({ providerId: provider, pageSize: 1000, pageToken }),
          (page) => page.instances,
        )
        const name = await spawnNames(session)
        return {
          data: { instances: instances.map((instance) => plain(InstanceSchema, instance)) },
          text: (canvas) => instanceTable(instances, canvas, name),
        }
      }),
    )
