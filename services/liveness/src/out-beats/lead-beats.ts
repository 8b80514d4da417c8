import { lead, type Listener } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import { NUDGES, readNudge } from '../store/nudges.ts'
import { PeerBeat, type BeatDeps } from './beat-peers.ts'
import { reconcileLoop } from './reconcile-loop.ts'

/**
 * What one replica of a platform does for all of them: beats the peers, and keeps what we tell of them in step.
 *
 * One, because our epoch and sequences are one: to a peer, two replicas that beat would look like a restored backup.
 */
export async function leadBeats(deps: BeatDeps & { readonly listener: Listener }, signal: AbortSignal): Promise<void> {
  await lead(
    deps,
    'beats',
    async (leading) => {
      const beat = await PeerBeat.begin(deps)
      const onNotify = (message: string | undefined) => {
        const nudge = message === undefined ? undefined : readNudge(message)
        if (nudge) beat.nudge(nudge)
      }
      await runTasks(leading, [
        (stop) => beat.run(stop),
        (stop) => deps.listener.listen(NUDGES, onNotify, stop),
        (stop) => reconcileLoop(deps, stop),
      ])
    },
    signal,
  )
}
