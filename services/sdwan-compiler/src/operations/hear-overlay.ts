import { Refusal } from '@powernode/rpc'
import { readOverlay, sameOverlay, SEALED, type Overlay, type SaidOverlay } from '../overlay.ts'
import { openedIfWeCan } from '../secrets.ts'
import * as peers from '../store/federation-peers.ts'
import * as overlays from '../store/overlays.ts'
import type { HeardOverlay } from '../store/overlays.ts'
import type { SdwanTx } from '../store/tables.ts'
import { changingRoads, settleCrossings } from './settle-crossings.ts'
import type { Sealing } from './settle-offers.ts'

type Said = { readonly peerId: string; readonly offer: SaidOverlay; readonly sealing: Sealing }

/**
 * A peer tells us of its end of the road. Kept whether or not our operators want one, so that they see what could be; what is
 * routed of it is for settleCrossings to say. Its sequence MUST not go back: whoever repeats an old offer, gateways and
 * all, is refused. Heard twice, it is heard once. Of a peering that is suspended or over nothing is kept: what was under way when
 * it ended comes in vain, and a peer that is back is asked.
 */
export async function hearOverlay(tx: SdwanTx, now: Date, { peerId, offer, sealing }: Said): Promise<void> {
  const said = readOverlay(offer)
  await changingRoads(tx, () => keepHeard(tx, now, { peerId, offer, sealing, said }))
}

async function keepHeard(
  tx: SdwanTx,
  now: Date,
  { peerId, offer, sealing, said }: Said & { said: Overlay },
): Promise<boolean> {
  const { state } = await peers.hold(tx, now, peerId)
  if (state === 'suspended' || state === 'revoked') return false
  const before = (await overlays.heardOf(tx, [peerId])).get(peerId)
  if (before && said.sequence < before.sequence) throw outdated(said.sequence, before.sequence)
  const known = before && halfOf(before, sealing)
  const isSameHalf = known?.equals(offer.presharedHalf) ?? false
  // One whose half cannot be opened any more is not known: that it is said again is all that helps.
  if (before?.sequence === said.sequence && known) {
    if (!isSameHalf || !sameOverlay(before, said)) throw outdated(said.sequence, before.sequence)
    return false
  }
  const half = said.withdrawn
    ? { halfSealed: null, halfSequence: before?.halfSequence ?? 0 }
    : before?.halfSealed && isSameHalf
      ? { halfSealed: before.halfSealed, halfSequence: before.halfSequence }
      : { halfSealed: sealing.seal(offer.presharedHalf, SEALED.theirHalf(peerId)), halfSequence: said.sequence }
  await overlays.saveHeard(tx, { ...said, ...half, peerId, heardAt: now })
  return settleCrossings(tx, now)
}

/**
 * The peer takes nothing of us: it suspended or ended the peering. Its end of the road is gone, whatever it last said of it, and
 * comes back with a later offer.
 */
export async function hearNothing(tx: SdwanTx, now: Date, { peerId }: { readonly peerId: string }): Promise<void> {
  await changingRoads(tx, async () => {
    const before = (await overlays.heardOf(tx, [peerId])).get(peerId)
    if (!before || before.withdrawn) return false
    await overlays.saveHeard(tx, {
      ...before,
      withdrawn: true,
      gateways: [],
      advertise: [],
      halfSealed: null,
      heardAt: now,
    })
    return settleCrossings(tx, now)
  })
}

/** Empty where nothing is offered; undefined where it cannot be opened any more. */
function halfOf({ halfSealed, peerId }: HeardOverlay, sealing: Sealing): Buffer | undefined {
  if (halfSealed === null) return Buffer.alloc(0)
  return openedIfWeCan(sealing, { sealed: halfSealed, context: SEALED.theirHalf(peerId) })
}

function outdated(said: number, heard: number): Refusal {
  return new Refusal('OVERLAY_OUTDATED', `offer ${said} is not newer than ${heard}, which was heard`, {
    metadata: { sequence: String(heard) },
  })
}
