import { setTimeout as wait } from 'node:timers/promises'
import { type Display } from '../display.ts'
import { explain } from '../explain.ts'
import { type Check, type ChildSheet, type World } from './artifacts/artifact.ts'
import { autonomousChecks } from './artifacts/autonomous.ts'
import { clusterChecks } from './artifacts/cluster.ts'
import { everyChecks } from './artifacts/every.ts'
import { managedChecks } from './artifacts/managed.ts'
import { type Mode } from './options.ts'

export type Artifact = { readonly what: string; readonly ok: boolean; readonly saw: string }

const BY_MODE: Readonly<Record<Mode, readonly Check[]>> = {
  managed_child: managedChecks,
  autonomous_peer: autonomousChecks,
  cluster_member: clusterChecks,
}

/** Some of it comes by events, a moment after both are active: a long one where the child is a machine that is emulated. */
const PATIENCE_MS = { process: 150_000, machine: 900_000 } as const
/** Each look takes time from what it waits for. */
const LOOK_EVERY_MS = { first: 100, most: 3_000 } as const

/** Looks at everything a child of this mode has to bring (docs/spawn.md, the table of modes). The first that is missing ends it. */
export async function checkArtifacts(world: World, child: ChildSheet, display: Display): Promise<Artifact[]> {
  const found: Artifact[] = []
  for (const { what, inside, look } of [...everyChecks, ...BY_MODE[world.mode]]) {
    if (inside && !world.inside) continue
    const side = world.inside ?? { name: '', dir: '', fedctlContext: '', machine: '' }
    const saw = await display.step(what, async (say) => {
      const patience = AbortSignal.timeout(PATIENCE_MS[world.inside ? 'process' : 'machine'])
      const deadline = AbortSignal.any([world.stop, patience])
      const seen = await patiently(() => look({ world, child, inside: side }), deadline)
      say(seen)
      return seen
    })
    found.push({ what, ok: true, saw })
  }
  return found
}

async function patiently(look: () => Promise<string>, deadline: AbortSignal): Promise<string> {
  for (let waitMs: number = LOOK_EVERY_MS.first; ; waitMs = Math.min(waitMs * 1.2, LOOK_EVERY_MS.most)) {
    try {
      return await look()
    } catch (error) {
      if (deadline.aborted) throw new Error(explain(error), { cause: error })
      await wait(waitMs, undefined, { signal: deadline }).catch(() => undefined)
    }
  }
}
