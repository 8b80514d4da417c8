import { Command, Option } from '@commander-js/extra-typings'
import { SpawnMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { ChildSchema, ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Run } from '../invoke.ts'
import { LIVING } from '../living.ts'
import { someOf, SPAWN_MODES } from '../options.ts'
import { allPages } from '../pages.ts'
import { plain } from '../plain.ts'
import { childTable } from '../render/children.ts'
import { valueOf, wordsOf } from '../render/words.ts'
import { spawnNames } from '../spawn-names.ts'

export const childList = (run: Run) =>
  new Command('list')
    .description('the platforms that we made: how far each has come, and what it waits for')
    .addOption(new Option('--mode <mode>', 'only of this mode').choices(SPAWN_MODES))
    .addOption(someOf('--state <states>', 'only in these states', wordsOf(ChildState)))
    .option('--all', 'those too that are gone')
    .action(
      run(async (session, { mode, state, all }) => {
        const states = state?.map((text) => valueOf(ChildState, text)) ?? (all ? [] : LIVING)
        const filter = { states, ...(mode && { spawnMode: valueOf(SpawnMode, mode) }) }
        const children = await allPages(
          (pageToken) => session.clients.spawning.listChildren({ ...filter, pageSize: 1000, pageToken }),
          (page) => page.children,
        )
        const name = await spawnNames(session)
        return {
          data: { children: children.map((child) => plain(ChildSchema, child)) },
          text: (canvas) => childTable(children, canvas, name),
        }
      }),
    )
