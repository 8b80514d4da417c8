import { newId, type Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Errand } from '../errand.ts'
import type { By } from '../events.ts'
import { noticeDeclared } from '../events/notices.ts'
import { declared, OWED, TRIED_FOR_MS, type Compromise, type Delivery, type Notice } from '../notice.ts'
import * as errands from '../store/errands.ts'
import * as deliveries from '../store/notice-deliveries.ts'
import * as notices from '../store/notices.ts'
import * as partners from '../store/partners.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/**
 * We were compromised, and every partner is to know within 24 hours of the discovery (social contract, commitment 9).
 *
 * The notice, and that it is owed to each partner, are one act: nobody who was a partner at this moment is left out.
 * Partners that are suspended hear it too. What has no platform at its other end is named as given up, so that
 * somebody tells it by hand. Heard by audit-ledger.
 */
export async function declareCompromise(
  tx: Tx<Tables>,
  now: Date,
  { by, peerIds, ...said }: Compromise & { by: By; peerIds: readonly string[] },
): Promise<Notice> {
  const notice = declared(said, { id: newId(now), by: by.actor, at: now })
  const told = await partners.hold(tx, peerIds)
  await refuseStrangers(tx, peerIds, told)
  await notices.insert(tx, notice)
  await deliveries.insertAll(
    tx,
    told.map((partner) => deliveryTo(partner, notice)),
  )
  await errands.putAll(
    tx,
    told.filter(({ isReachable }) => isReachable).map(({ id }) => errandTo(id, now)),
  )
  await noticeDeclared(tx, by, notice)
  return notice
}

/** Whom an operator names by itself MUST be told; who cannot be is a mistake that it has to hear of now. */
async function refuseStrangers(tx: Tx<Tables>, named: readonly string[], told: readonly partners.Partner[]) {
  const known = new Set(told.map(({ id }) => id))
  const stranger = named.find((id) => !known.has(id))
  if (stranger === undefined) return
  const { state, name } = await peers.lock(tx, stranger)
  const metadata = { peer_id: stranger }
  if (state === 'revoked')
    throw new Refusal('PEER_REVOKED', `the peering with ${name || stranger} is over: nothing can be told there`, {
      metadata,
    })
  throw new Refusal('PEER_NOT_ENROLLED', `${name || stranger} is ${state}: there is nobody to be told yet`, {
    metadata,
  })
}

const deliveryTo = ({ id: peerId, isReachable }: partners.Partner, { id, declaredAt }: Notice): Delivery => ({
  ...OWED,
  noticeId: id,
  peerId,
  ...(!isReachable && { status: 'given_up', lastError: NOBODY_THERE, settledAt: declaredAt }),
})

const NOBODY_THERE = 'there is no platform at its other end: tell its operators by hand'

/** The errand only says that something is owed; what, stands in the deliveries, since a second notice may follow soon. */
const errandTo = (peerId: string, now: Date): Errand => ({
  peerId,
  kind: 'notify_compromise',
  statement: null,
  tokenSealed: null,
  tokenDigest: null,
  expiresAt: new Date(now.getTime() + TRIED_FOR_MS),
  attempts: 0,
  nextAttemptAt: now,
  lastError: '',
  createdAt: now,
})
