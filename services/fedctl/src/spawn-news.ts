import { Code, ConnectError } from '@connectrpc/connect'
import { ChildState, type Child, type SpawnStep } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { WatchSpawnResponseSchema, type WatchSpawnResponse } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import type { Canvas, Outcome } from './output.ts'
import { plain } from './plain.ts'
import { stateLine, stepLine } from './render/spawn-steps.ts'
import type { Session } from './session.ts'

const TRY_AGAIN_MS = 500

/** A child as it stands, and what of it is new since the last time. */
export type SpawnNews = {
  readonly response: WatchSpawnResponse
  readonly child: Child
  readonly isMoved: boolean
  readonly steps: readonly SpawnStep[]
}

/** Which child (empty: all of them), until when, and whether beyond its being active or gone. */
export type Watched = { readonly child: string; readonly follow: boolean; readonly signal: AbortSignal }

/**
 * What happens to children, each thing once.
 *
 * News is what differs from what was seen, not what an answer is about: after spawn-provisioner was away and answers again
 * with what stands, what happened meanwhile is told and nothing is told twice.
 */
export async function* spawnNews(
  { clients, clock }: Session,
  { child: named, follow, signal }: Watched,
): AsyncIterable<SpawnNews> {
  const differs = comparison()
  let isHeard = false
  while (!signal.aborted) {
    try {
      for await (const response of clients.spawning.watchSpawn({ child: named, follow }, { signal })) {
        isHeard = true
        const { child } = response
        if (!child) continue
        const isElsewhere = differs(`${child.id} state`, String(child.state))
        const isOtherwise = differs(`${child.id} reason`, child.reason)
        const steps = child.steps.filter((step) => step.status !== 'pending' && differs(...standOf(child, step)))
        // Why it is still where it was stands in the step that waits, when that says it.
        const isMoved = isElsewhere || (isOtherwise && !steps.some(({ detail }) => detail === child.reason))
        if (isMoved || steps.length > 0) yield { response, child, isMoved, steps }
        if (!follow && named !== '' && ENDS.includes(child.state)) return
      }
      if (!follow) return
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof ConnectError) || error.code !== Code.Unavailable || !isHeard) throw error
    }
    await clock.sleep(TRY_AGAIN_MS, signal)
  }
}

const ENDS: readonly ChildState[] = [ChildState.ACTIVE, ChildState.GONE]

const standOf = (child: Child, { name, status, attempts, detail }: SpawnStep) =>
  [`${child.id} ${name}`, `${status} ${attempts} ${detail}`] as const

/** Says whether a thing looks otherwise than it did. */
function comparison(): (key: string, look: string) => boolean {
  const seen = new Map<string, string>()
  return (key, look) => {
    const isNew = seen.get(key) !== look
    seen.set(key, look)
    return isNew
  }
}

/** News as lines for a person: the steps that were taken, then the state that came of them. */
export function newsItem({ response, child, isMoved, steps }: SpawnNews): Outcome {
  const lines = (canvas: Canvas) => [
    ...steps.map((step) => stepLine(child, step, step.finishedAt ?? response.at, canvas)),
    ...(isMoved ? [stateLine(child, response.at ?? child.since, canvas)] : []),
  ]
  return { data: plain(WatchSpawnResponseSchema, response), text: (canvas) => lines(canvas).join('\n') }
}
