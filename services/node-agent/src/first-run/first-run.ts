import type { Client } from '@connectrpc/connect'
import { readPayload, type Payload } from '@powernode/payload'
import { runTasks } from '@powernode/process'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { finalNo, Patience, whyNot } from './patience.ts'
import { Looks } from './looks.ts'
import { joinParent, type JoinDeps } from './join-parent.ts'
import { stateOf } from './peer-state.ts'
import { readMarker, writeMarker, type Summary } from './marker.ts'
import { takeUp, type TakenUp, type TakeUpDeps } from './take-up.ts'

export type FirstRunDeps = JoinDeps &
  TakeUpDeps & {
    readonly registry: Pick<
      Client<typeof PeerRegistryService>,
      'joinParent' | 'takeEnrollment' | 'getPeer' | 'getPlatform'
    >
  }

/**
 * What a machine does once in its life: it becomes the child of the platform that made it.
 *
 *   payload ▸ joined (peer-registry) ▸ what the parent handed over, and beats go both ways ▸ marker
 *
 * Nothing here is remembered but by the registry and the marker, so a crash anywhere begins it anew, and each part finds
 * what was done. Returns what came of it; undefined when this machine is nobody's child.
 */
export async function firstRun(deps: FirstRunDeps, signal: AbortSignal): Promise<Summary | undefined> {
  const { progress, places, stateDir } = deps
  const before = await readMarker(stateDir)
  if (before) {
    await forgetEnrollment(deps, before.peer_id, signal)
    progress.say(`accepted by its parent at ${before.accepted_at}`)
    return before
  }
  const payload = await readPayload(places, { tokenTaken: true })
  if (!payload) {
    progress.say('nobody made this machine to be a child: there is no boot payload')
    return undefined
  }
  progress.say(`joins its parent at ${payload.parent_url}`)
  const peer = await joinParent(deps, payload, signal)
  progress.say('the parent has accepted; what it handed over is carried out')
  const settled = await settle(deps, { peer, payload }, signal)
  const summary = await summaryOf(deps, { payload, ...settled }, signal)
  await writeMarker(stateDir, summary)
  await forgetEnrollment(deps, peer.id, signal)
  progress.say(`active: the child ${payload.hostname} of the platform ${payload.parent_platform_id}`)
  return summary
}

type Settled = { readonly peer: Peer; readonly taken: TakenUp }

/** What was handed over is carried out while the beats begin: neither waits for the other, however long it takes. */
async function settle(
  deps: FirstRunDeps,
  { peer: { id }, payload }: { readonly peer: Peer; readonly payload: Payload },
  signal: AbortSignal,
): Promise<Settled> {
  const settled: Partial<{ -readonly [part in keyof Settled]: Settled[part] }> = {}
  await runTasks(signal, [
    async (stop) => void (settled.taken = await takeUp(deps, { peerId: id, payload }, stop)),
    async (stop) => void (settled.peer = await untilActive(deps, { id }, stop)),
  ])
  const { peer, taken } = settled
  if (!peer || !taken) throw new Error('the first run ended in its midst')
  return { peer, taken }
}

/** Beats go both ways: the last thing that has to come true, and it does by itself. */
async function untilActive(deps: FirstRunDeps, { id }: Pick<Peer, 'id'>, signal: AbortSignal): Promise<Peer> {
  const looks = new Looks(deps.clock)
  let last: PeerState | undefined
  for (;;) {
    const peer = await persistently(deps, signal, async () => (await deps.registry.getPeer({ peer: id })).peer)
    if (!peer || peer.state === PeerState.ACTIVE) return peer ?? fail(id)
    if (peer.state !== last) deps.progress.say(`waits for the first heartbeats: ${stateOf(peer)}, ${peer.reason}`)
    last = peer.state
    await looks.wait(signal)
  }
}

function fail(id: string): never {
  throw new Error(`our registry showed no peer for ${id}`)
}

type Told = { readonly payload: Payload; readonly peer: Peer; readonly taken: TakenUp }

async function summaryOf(deps: FirstRunDeps, { payload, peer, taken }: Told, signal: AbortSignal): Promise<Summary> {
  const { platform } = await persistently(deps, signal, () => deps.registry.getPlatform({}))
  return {
    accepted_at: deps.clock.now().toISOString(),
    parent_url: payload.parent_url,
    parent_platform_id: payload.parent_platform_id,
    parent_peer_id: payload.parent_peer_id,
    peer_id: peer.id,
    platform_id: platform?.platformId ?? '',
    spawn_mode: payload.spawn_mode,
    contract_version: peer.contractVersion,
    instance_id: payload.instance_id,
    node_certificate: taken.nodeCertificate,
    inherited_policies: taken.inheritedPolicies,
    cluster_member: taken.clusterMember,
    warnings: [...taken.warnings],
  }
}

/** What was carried out rests in the registry no longer: it holds secrets. Safe to repeat. */
async function forgetEnrollment(deps: FirstRunDeps, peerId: string, signal: AbortSignal): Promise<void> {
  await persistently(deps, signal, () => deps.registry.takeEnrollment({ peerId, done: true }))
}

/** Asks our own registry until it answers. */
async function persistently<T>(deps: FirstRunDeps, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  const patience = new Patience(deps.clock)
  for (;;) {
    signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      signal.throwIfAborted()
      if (finalNo(error)) throw error
      deps.progress.say(`waits for its own platform (attempt ${patience.attempts + 1}): ${whyNot(error)}`)
      await patience.wait(signal)
    }
  }
}
