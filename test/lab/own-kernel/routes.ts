/**
 * What is run in a machine with a kernel that has VRFs of its own: two tenants on the same two nodes, whose routes FRR spreads, and
 * between whose tables routes leak; then they do not any more. Every question is put to the kernel by a connection, and to the model
 * by the plan that the agents have applied (routes.lab.test.ts).
 */
import { randomUUID } from 'node:crypto'
import type { RouteLeak } from '../../../services/sdwan-compiler/src/world.ts'
import { asked, questionsOf, untilReached, untilSilent, type Question } from './questions.ts'
import { say } from './say.ts'
import { ownInside, type Tenants } from './tenants.ts'
import { tablesOf, withBgp } from './with-bgp.ts'

const ACROSS: Question = ['hub', 1, `${ownInside(0)}9`, 443]

await withBgp(
  (world) => (world.leaks = [leakOf(world)]),
  async (its) => {
    const { world } = its
    await untilReached(world, ACROSS)
    say('asked while routes leak', await asked(world, questionsOf(world)))

    world.leaks = []
    world.want()
    await world.applied()
    await untilSilent(world, ACROSS)
    say('tables', await tablesOf(its))
    say('asked', await asked(world, questionsOf(world)))
  },
)

/** Both networks whole, and what lies behind the first tenant's spoke as its own; nothing of what both have inside. */
function leakOf({ tenants }: Tenants): RouteLeak {
  const [sourceNetworkId = '', destNetworkId = ''] = tenants.map(({ network }) => network.id)
  const cidrs = [...tenants.map(({ network }) => network.cidr), `${ownInside(0)}/64`]
  const filter = cidrs.map((cidr) => ({ cidr, action: 'permit' as const }))
  return { id: randomUUID(), sourceNetworkId, destNetworkId, bidirectional: true, filter }
}
