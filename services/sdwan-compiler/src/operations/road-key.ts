import { SEALED } from '../overlay.ts'
import { openedIfWeCan } from '../secrets.ts'
import * as peers from '../store/federation-peers.ts'
import * as overlays from '../store/overlays.ts'
import type { SdwanTx } from '../store/tables.ts'
import { presharedKey } from '../tunnel-key.ts'
import type { Sealing } from './settle-offers.ts'

const PAIR = /^peer\/([0-9a-f-]{36})\/(\d+)\/(\d+)$/

/**
 * The preshared key of the tunnel that a crossing's `pair` names, for the gateway that asks and nobody else. Undefined: a half
 * of it cannot be opened, or it is not in use any more, and whoever asks will be given another state.
 */
export async function roadKey(
  tx: SdwanTx,
  { pair, platformId, sealing }: { readonly pair: string; readonly platformId: string; readonly sealing: Sealing },
): Promise<string | undefined> {
  const [, peerId = '', ourSequence, theirSequence] = PAIR.exec(pair) ?? []
  if (peerId === '') return undefined
  const ours = (await overlays.offersOf(tx, [peerId])).get(peerId)
  const theirs = (await overlays.heardOf(tx, [peerId])).get(peerId)
  const peer = (await peers.list(tx, [peerId])).get(peerId)
  if (!ours?.halfSealed || !theirs?.halfSealed || !peer) return undefined
  if (ours.halfSequence !== Number(ourSequence) || theirs.halfSequence !== Number(theirSequence)) return undefined
  const ourHalf = openedIfWeCan(sealing, { sealed: ours.halfSealed, context: SEALED.ourHalf(peerId) })
  const theirHalf = openedIfWeCan(sealing, { sealed: theirs.halfSealed, context: SEALED.theirHalf(peerId) })
  if (!ourHalf || !theirHalf) return undefined
  return presharedKey({ platformId, half: ourHalf }, { platformId: peer.platformId, half: theirHalf })
}
