import { inTransaction } from '@powernode/postgres'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { lookAtInstance } from '../../instances/look-at-instance.ts'
import { noteLook } from '../../operations/note-look.ts'
import type { Spawn } from '../../operations/read-spawn.ts'
import { noteSpoken } from '../../operations/take-step.ts'
import type { Look } from '../../providers/provider.ts'
import { extend, isProposed, payDue, peerOf } from '../boot-invitation.ts'
import { SpawnFailed, type Performer, type SagaDeps } from '../performer.ts'

const LOOK_MS = 30_000

/** The machine runs, or its platform speaks: then it does. */
export const awaitBoot: Performer = {
  async perform(deps, spawn, signal) {
    if (!isProposed(await peerOf(deps, spawn.child, signal))) return { detail: 'it has spoken' }
    await oweNothing(deps, spawn, signal)
    const seen = await look(deps, spawn, signal)
    return seen?.state === 'running' ? { detail: 'the platform on it serves' } : undefined
  },
}

/** Its platform has redeemed the invitation. */
export const awaitAccept: Performer = {
  async perform(deps, spawn, signal) {
    const peer = await peerOf(deps, spawn.child, signal)
    if (isProposed(peer)) {
      await oweNothing(deps, spawn, signal)
      await look(deps, spawn, signal)
      return undefined
    }
    const said = { childId: spawn.child.id, platformId: peer.platformId }
    await inTransaction(deps.db, (tx) => noteSpoken(tx, deps.clock.now(), said))
    return { detail: `the platform ${peer.platformId} redeemed the invitation` }
  },
}

/** Beats go both ways: from here on the peering lives as every other does. */
export const awaitActive: Performer = {
  async perform(deps, spawn, signal) {
    const peer = await peerOf(deps, spawn.child, signal)
    if (peer.state === PeerState.ACTIVE) return { detail: 'beats go both ways' }
    await look(deps, spawn, signal)
    return undefined
  },
}

/** Looks at the machine, notes what it says, and lets the invitation live as long as it goes on. */
async function look(
  deps: SagaDeps,
  { child, provider, instance }: Spawn,
  signal: AbortSignal,
): Promise<Look | undefined> {
  if (instance.providerRef === '') return undefined
  const { clock, db } = deps
  const seen = await lookAtInstance(deps, { provider, instance }, { ms: LOOK_MS, signal })
  const until = await inTransaction(db, (tx) => noteLook(tx, clock.now(), { childId: child.id, seen }))
  if (until) await extend(deps, child, until, signal)
  if (seen.state === 'stopped' || seen.state === 'gone')
    giveUpUnlessPassing(seen, { child, instance, now: clock.now() })
  return seen
}

const PASSING_MS = 5_000

/** A machine that is handed another payload, or started again, may be down for a moment: what stays down has ended. */
function giveUpUnlessPassing(
  { state, progress }: Look,
  { child, instance, now }: Pick<Spawn, 'child' | 'instance'> & { readonly now: Date },
): void {
  const wasDown = instance.state === 'stopped' || instance.state === 'lost'
  if (!wasDown || child.stampDueAt !== null || now.getTime() - instance.since.getTime() < PASSING_MS) return
  const last = progress === '' ? '' : `; it last said: ${progress}`
  throw new SpawnFailed(`the instance ${state === 'gone' ? 'is gone' : 'has stopped'}${last}`)
}

async function oweNothing(deps: SagaDeps, spawn: Spawn, signal: AbortSignal): Promise<void> {
  const { stampDueAt } = spawn.child
  if (stampDueAt !== null && stampDueAt <= deps.clock.now() && spawn.instance.providerRef !== '')
    await payDue(deps, spawn, signal)
}
