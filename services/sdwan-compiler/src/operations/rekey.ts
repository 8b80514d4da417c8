import { createHash } from 'node:crypto'
import { append } from '@powernode/events'
import { newId, requireNewestSealingKey } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { By } from '../by.ts'
import { intentChanged } from '../events/intent-changed.ts'
import { differenceOf, Draft } from '../intent/intent.ts'
import type { Network, NetworkCompiler } from '../network.ts'
import { mintNetworkSecret, networkSecretContext, openedIfWeCan } from '../secrets.ts'
import * as crossings from '../store/crossings.ts'
import * as peers from '../store/federation-peers.ts'
import * as state from '../store/intent-state.ts'
import * as intents from '../store/intent.ts'
import * as secrets from '../store/network-secrets.ts'
import * as overlays from '../store/overlays.ts'
import * as sealed from '../store/sealed.ts'
import type { SdwanTx } from '../store/tables.ts'
import { networkNamed } from '../named.ts'
import { readNetwork } from './read-network.ts'
import { settleCrossings } from './settle-crossings.ts'
import { offerAnew, type Sealing } from './settle-offers.ts'

type Said = {
  readonly by: By
  readonly compiler: NetworkCompiler
  readonly sealing: Sealing
  /** Ids, slugs or names of networks, and ids of peers. None of both: whatever cannot be opened. */
  readonly networks: readonly string[]
  readonly peerIds: readonly string[]
  readonly reason: string
  /** Only if what is made anew is this; empty: whatever it is. */
  readonly planSha256: string
}

/** `planSha256` is empty where nothing was made anew. */
export type Rekeyed = { readonly lines: readonly string[]; readonly network: Network; readonly planSha256: string }

/** What of our secrets this process cannot open. */
export async function lostSecrets(tx: SdwanTx, sealing: Sealing): Promise<readonly sealed.SealedValue[]> {
  return (await sealed.all(tx)).filter((value) => openedIfWeCan(sealing, value) === undefined)
}

/**
 * New secrets: from which the preshared keys of a network are derived, and our half of those of a tunnel to a peer. Every node of the
 * network has a new version with it, and the peer a new offer. What a peer gave us and we cannot open is forgotten: it says it
 * again in its answer. Until both ends of a tunnel have the new key it carries nothing, so what is in order is made anew only
 * when it is named. A process whose sealing key is not the newest MUST NOT judge what is lost: it cannot open what others can.
 */
export async function rekey(tx: SdwanTx, now: Date, said: Said): Promise<Rekeyed> {
  const { by, compiler, sealing, reason } = said
  await requireNewestSealingKey(tx, sealing)
  await state.takeTurn(tx)
  const before = await readNetwork(tx, now, { compiler })
  const { networkIds, peerIds, heardOf } = await wantedAnew(tx, before, said)
  const draft = new Draft(before.intent)
  const lines: string[] = []
  const plan: string[] = []
  for (const id of networkIds) {
    const network = draft.get('network', id)
    if (!network) continue
    await secrets.replace(tx, id, sealing.seal(mintNetworkSecret(), networkSecretContext(id)))
    const { version, keyGeneration } = network
    draft.put('network', { ...network, keyGeneration: keyGeneration + 1, version: version + 1, updatedAt: now, updatedBy: by.actor }) // prettier-ignore
    lines.push(`network_rekey ${network.slug}`)
    plan.push(`network ${id} ${keyGeneration}`)
  }
  for (const peerId of peerIds) {
    const offer = (await overlays.offersOf(tx, [peerId])).get(peerId)
    if (heardOf.has(peerId)) await overlays.forgetHeard(tx, peerId)
    lines.push(await rekeyRoad(tx, now, { peerId, offer, sealing }))
    plan.push(`road ${peerId} ${offer?.halfSequence ?? 0} ${heardOf.has(peerId)}`)
  }
  const planSha256 = plan.length === 0 ? '' : createHash('sha256').update(plan.toSorted().join('\n')).digest('hex')
  if (said.planSha256 !== '' && said.planSha256 !== planSha256) throw otherSecrets(said.planSha256, planSha256)
  if (lines.length === 0) return { lines, network: before, planSha256 }

  await intents.write(tx, differenceOf(before.intent, draft.now))
  await settleCrossings(tx, now)
  const version = await state.countOn(tx)
  const intent = { ...draft.now, firewall_rule: await intents.readKind(tx, 'firewall_rule') }
  const beside = { crossings: await crossings.forWorld(tx), endings: before.endings }
  const told = reason === '' ? lines : [...lines, reason]
  await append(tx, intentChanged({ changeId: newId(now), by, at: now, changes: told, planSha256, nodesTouched: 0, isForced: true })) // prettier-ignore
  return { lines, network: compiler.compile(version, intent, beside), planSha256 }
}

type Wanted = {
  readonly networkIds: ReadonlySet<string>
  readonly peerIds: ReadonlySet<string>
  /** Peers whose half of the key cannot be opened. */
  readonly heardOf: ReadonlySet<string>
}

/** What was named; nothing was: what is lost. */
async function wantedAnew(
  tx: SdwanTx,
  { intent }: Network,
  { networks, peerIds, sealing }: Pick<Said, 'networks' | 'peerIds' | 'sealing'>,
): Promise<Wanted> {
  const lost = networks.length + peerIds.length === 0 ? await lostSecrets(tx, sealing) : []
  const idsOf = (wanted: sealed.SealedValue['kind']) => lost.flatMap(({ kind, id }) => (kind === wanted ? [id] : []))
  for (const id of peerIds) await refuseNeverTold(tx, id)
  const theirs = idsOf('their_half')
  return {
    networkIds: new Set([...networks.map((named) => networkNamed(intent, named).id), ...idsOf('network')]),
    peerIds: new Set([...peerIds, ...idsOf('our_half'), ...theirs]),
    heardOf: new Set(theirs),
  }
}

type Road = { readonly peerId: string; readonly offer: overlays.KeptOverlay | undefined; readonly sealing: Sealing }

/** The half that we gave is another one, and is told at once. One that was withdrawn has none, and the next offer has a new one. */
async function rekeyRoad(tx: SdwanTx, now: Date, { peerId, offer, sealing }: Road): Promise<string> {
  // Whoever tells us of a road that we do not want has had nothing of us, and says it again when it likes.
  if (offer?.withdrawn) await overlays.hasten(tx, now, peerId)
  else if (offer) await offerAnew(tx, now, { offer, sealing })
  await peers.wake(tx)
  return `prefix_access_rekey ${peerId}`
}

const otherSecrets = (wanted: string, is: string): Refusal =>
  new Refusal('PLAN_CHANGED', 'other secrets would be made anew by now than those that were looked at', {
    metadata: { wanted, plan_sha256: is },
    next: 'fedctl net rekey --dry-run, and look again',
  })

async function refuseNeverTold(tx: SdwanTx, peerId: string): Promise<void> {
  if ((await overlays.offersOf(tx, [peerId])).has(peerId)) return
  throw new Refusal('INTENT_NOT_FOUND', `peer ${peerId} was never told of a road`, { next: 'fedctl net access list' })
}
