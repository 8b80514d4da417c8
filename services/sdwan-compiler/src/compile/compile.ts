import type { Plan } from '../plan.ts'
import type { World } from '../world.ts'
import { Compiler } from './incremental.ts'

/**
 * What follows from a world for every node. Pure: equal worlds give equal bytes. What cannot be compiled is in problems,
 * and whatever a problem leaves out carries no traffic.
 */
export function compile(world: World): Plan {
  return new Compiler().update(world).plan
}
