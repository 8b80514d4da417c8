import { runTasks } from '@powernode/process'
import type { Replica as ReplicaPart } from '../replica.ts'
import { attendParent } from './attend-parent.ts'
import { followerOf, type FollowerDeps } from './follower.ts'
import { writeKept } from './membership-file.ts'
import { ownedFolder } from './replica-home.ts'
import { attendTakeOver } from './take-over.ts'

/** The replica of the parent's database that this node keeps: what it is told at first, and what it does from then on. */
export function keepReplica(deps: FollowerDeps & { readonly address: string }): ReplicaPart {
  return {
    async take(kept) {
      ownedFolder(deps.home, deps.home.dir)
      writeKept(deps.home, kept)
    },
    async run(signal) {
      const kept = followerOf(deps)
      if (!kept) return
      const attending = { ...deps, ...kept }
      await runTasks(signal, [
        (stop) => kept.follower.run(stop),
        (stop) => attendParent(attending, stop),
        (stop) => attendTakeOver(deps, kept.follower, stop),
      ])
    },
  }
}
