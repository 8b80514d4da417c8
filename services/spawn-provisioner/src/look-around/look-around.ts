import { inTransaction, lead } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import { CHILD_STATES, type Child } from '../child.ts'
import { noteOrphans } from '../operations/note-orphans.ts'
import { ORPHAN_KINDS } from '../orphan.ts'
import type { SagaDeps } from '../saga/performer.ts'
import * as tokens from '../store/bootstrap-tokens.ts'
import * as children from '../store/children.ts'
import * as orphans from '../store/orphans.ts'
import * as providers from '../store/providers.ts'
import { lookAtMachine } from './look-at-machine.ts'
import { lookAtPeering } from './look-at-peering.ts'
import { lookAtPeers } from './look-at-peers.ts'
import { lookAtProvider } from './look-at-provider.ts'

const EVERY_MS = 5_000
/** Nobody is kept waiting by a peer that is left over, and there may be thousands to look through. */
const PEERS_EVERY_MS = 60_000

type Round = (deps: SagaDeps, signal: AbortSignal) => Promise<void>

/** Now and then one replica compares what there is with what there should be, wherever something of ours can be. */
export async function lookAround(deps: SagaDeps, signal: AbortSignal): Promise<void> {
  const again = (round: Round, everyMs: number) => async (leading: AbortSignal) => {
    while (!leading.aborted) {
      await round(deps, leading)
      await deps.clock.sleep(everyMs, leading)
    }
  }
  // A provider that hangs holds up the second, and MUST NOT hold up the others.
  const rounds = [again(peeringsOnce, EVERY_MS), again(machinesOnce, EVERY_MS), again(peersOnce, PEERS_EVERY_MS)]
  await lead(deps, 'look_around', (leading) => runTasks(leading, rounds), signal)
}

/** One look at everything; what cannot be seen now is looked at the next time. */
export async function lookOnce(deps: SagaDeps, signal: AbortSignal): Promise<void> {
  await peeringsOnce(deps, signal)
  await peersOnce(deps, signal)
  await machinesOnce(deps, signal)
}

/** Who was to be a peer of ours, and whose machine nobody makes any more. */
function peersOnce(deps: SagaDeps, signal: AbortSignal): Promise<void> {
  return attempt(deps, { task: 'look_at_peers', signal }, () => lookAtPeers(deps, signal))
}

/** Who still is a peer of ours: what one had of our database who is none any more is taken away. */
async function peeringsOnce(deps: SagaDeps, signal: AbortSignal): Promise<void> {
  await attempt(deps, { task: 'look_at_peerings', signal }, async () => {
    for (const child of await activeOf(deps))
      await attempt(deps, { task: 'look_at_peering', signal }, () => lookAtPeering(deps, child, signal))
  })
}

/** What runs somewhere, and what we have of those who are gone. Side by side, because each may keep us waiting. */
async function machinesOnce(deps: SagaDeps, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps
  await attempt(deps, { task: 'look_at_machines', signal }, async () => {
    const offers = await inTransaction(db, (tx) => providers.offers(tx))
    const active = await activeOf(deps)
    await Promise.all([
      ...offers.map(({ provider }) =>
        attempt(deps, { task: 'look_at_provider', signal }, () => lookAtProvider(deps, provider, signal)),
      ),
      ...active.map((child) =>
        attempt(deps, { task: 'look_at_machine', signal }, () => lookAtMachine(deps, child, signal)),
      ),
    ])
  })
  await attempt(deps, { task: 'look_at_replicas', signal }, () => lookAtReplicas(deps, signal))
  await attempt(deps, { task: 'forget_tokens', signal }, async () => {
    await inTransaction(db, (tx) => tokens.forgetOver(tx, clock.now()))
  })
  await attempt(deps, { task: 'measure', signal }, () => measure(deps))
}

type Attempt = { readonly task: string; readonly signal: AbortSignal }

async function attempt({ logger }: SagaDeps, { task, signal }: Attempt, look: () => Promise<void>): Promise<void> {
  if (signal.aborted) return
  try {
    await look()
  } catch (error) {
    if (!signal.aborted) logger.warn({ task, error }, 'a look around failed; it is repeated')
  }
}

async function activeOf({ db }: SagaDeps): Promise<readonly Child[]> {
  const living = await inTransaction(db, (tx) => children.living(tx))
  return living.filter(({ state }) => state === 'active')
}

/** Slots and roles whose child is gone: they keep WAL, and let somebody in, for nobody. */
async function lookAtReplicas({ db, clock, replication }: SagaDeps, signal: AbortSignal): Promise<void> {
  const living = await inTransaction(db, (tx) => children.living(tx))
  const left = await replication.leftovers(living.flatMap(({ peerId }) => peerId ?? []), signal) // prettier-ignore
  await inTransaction(db, (tx) => {
    const now = clock.now()
    const found = left.map(({ kind, name }) => ({ kind, name, beganAt: now }))
    return noteOrphans(tx, now, { owner: undefined, kinds: ['slot', 'role'], found, about: 'replication' })
  })
}

async function measure({ db, metrics }: SagaDeps): Promise<void> {
  const [states, kinds] = await inTransaction(db, async (tx) => [await children.countByState(tx), await orphans.countByKind(tx)] as const) // prettier-ignore
  const many = metrics.gauge('fed_spawn_children', 'Children, by how far they have come', ['state'])
  for (const state of CHILD_STATES) many.set({ state }, states.get(state) ?? 0)
  const left = metrics.gauge('fed_spawn_orphans', 'What is there and nobody needs', ['kind'])
  for (const kind of ORPHAN_KINDS) left.set({ kind }, kinds.get(kind) ?? 0)
}
