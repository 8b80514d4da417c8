import { Refusal } from '@powernode/rpc'
import { Draft, differenceOf } from '../intent/intent.ts'
import { heldKey } from '../held-key.ts'
import type { Network, NetworkCompiler } from '../network.ts'
import type { WireGuardInterface } from '../plan.ts'
import * as crossings from '../store/crossings.ts'
import * as state from '../store/intent-state.ts'
import * as intents from '../store/intent.ts'
import type { SdwanTx } from '../store/tables.ts'
import { objectionToKey } from '../tunnel-key.ts'
import { readNetwork } from './read-network.ts'

type Said = {
  readonly nodeId: string
  readonly compiler: NetworkCompiler
  readonly keys: readonly { readonly interface: string; readonly publicKey: string }[]
}

/**
 * A node registers the public halves of the keys it made: others may now be told of them. Of its own interfaces alone, as they
 * are compiled; the key of another member, and one that stands for no key at all, are refused. Here
 * the turn is taken: whoever is asked MUST look at `newKeys` first.
 */
export async function registerKeys(tx: SdwanTx, now: Date, said: Said): Promise<Network> {
  const { nodeId, compiler } = said
  await state.takeTurn(tx)
  const before = await readNetwork(tx, now, { compiler })
  const draft = new Draft(before.intent)
  let roads = false
  for (const { owner, publicKey } of newKeys(before, said)) {
    if (owner.kind === 'member') register(draft, owner.memberId, { publicKey, now, by: `instance/${nodeId}` })
    else roads = (await crossings.setEndKey(tx, { nodeId, peerId: owner.peerId, publicKey })) || roads
  }
  if (draft.touched.length === 0 && !roads) return before
  await intents.write(tx, differenceOf(before.intent, draft.now))
  const version = await state.countOn(tx)
  const { crossings: known, endings } = before
  return compiler.compile(version, draft.now, { crossings: roads ? await crossings.forWorld(tx) : known, endings })
}

type NewKey = { readonly owner: WireGuardInterface['owner']; readonly publicKey: string }

/**
 * What a node says of its keys that is not held yet; what may not be is refused. Asks nobody: a node that says the same without pause
 * has no change wait for it.
 */
export function newKeys(network: Network, { nodeId, keys }: Pick<Said, 'nodeId' | 'keys'>): readonly NewKey[] {
  const own = new Map((network.plan.nodes.get(nodeId)?.interfaces ?? []).map((each) => [each.name, each.owner]))
  return keys.flatMap(({ interface: name, publicKey }) => {
    const owner = own.get(name)
    if (!owner) throw new Refusal('NODE_NOT_FOUND', `this node has no interface ${name}`, { next: 'watch the desired state, and register the keys of what it holds' }) // prettier-ignore
    const objection = objectionToKey(publicKey)
    if (objection !== undefined) throw new Refusal('REQUEST_INVALID', `the key of ${name} ${objection}`)
    refuseTaken(network, owner, publicKey)
    return heldKey(network, nodeId, owner) === publicKey ? [] : [{ owner, publicKey }]
  })
}

type Key = { readonly publicKey: string; readonly now: Date; readonly by: string }

function register(draft: Draft, memberId: string, { publicKey, now, by }: Key): void {
  const member = draft.get('member', memberId)
  if (!member || member.publicKey === publicKey) return
  draft.put('member', { ...member, publicKey, version: member.version + 1, updatedAt: now, updatedBy: by })
}

/** A key is one interface's: WireGuard knows whom it speaks with by nothing else. */
function refuseTaken(
  { intent, crossings: roads }: Network,
  owner: WireGuardInterface['owner'],
  publicKey: string,
): void {
  const member = [...intent.member.values()].find((one) => one.publicKey === publicKey)
  const isOwn = owner.kind === 'member' && member?.id === owner.memberId
  const isPeers = roads.some(({ remote }) => remote.some((gateway) => gateway.publicKey === publicKey))
  if ((member && !isOwn) || isPeers)
    throw new Refusal('INTENT_EXISTS', 'this key is that of another end of a tunnel', { next: 'make another key' })
}
