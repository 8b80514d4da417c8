import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { Errand } from '../errand.ts'
import { BY_OURSELVES, peerChanged } from '../events.ts'
import { checkNoticeReceipt } from '../notice-statements.ts'
import { withoutCertificate, type Peer } from '../peer.ts'
import { envelopeFrom } from '../statements.ts'
import * as errands from '../store/errands.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { settleDeliveries, type Outcome } from './settle-delivery.ts'

/** How it ended: they heard it, with the receipt they gave; or nobody will hear it, and why. */
type Ended = { readonly heard: { readonly receipt: Envelope | undefined } } | { readonly why: string }

/**
 * The revocation notice was heard, or there is nobody to hear it: it is no longer owed, and the certificate with which
 * it was brought is of no more use.
 */
export async function settleNotice(
  tx: Tx<Tables>,
  now: Date,
  { errand, ...how }: { errand: Pick<Errand, 'peerId' | 'statement' | 'attempts'> } & Ended,
): Promise<void> {
  const { peerId } = errand
  const peer = await peers.lock(tx, peerId)
  await errands.remove(tx, peerId, 'notify_revocation')
  const outcome = 'heard' in how ? delivered(peer, errand, how.heard.receipt) : givenUp(how.why)
  await settleDeliveries(tx, now, { peerId, kind: 'revocation', attempts: errand.attempts + 1, outcome })
  const isNews = 'heard' in how && peer.notifiedAt === null
  if (!isNews && peer.certificateKeySealed === null) return
  const notifiedAt = isNews ? now : peer.notifiedAt
  const saved = await peers.save(tx, peer, { ...withoutCertificate(peer), notifiedAt, updatedAt: now })
  if (isNews) await peerChanged(tx, BY_OURSELVES, saved, ['notice'])
}

/** A receipt that proves nothing is as good as none: who gives such a one gives no better one when asked again. */
function delivered(peer: Peer, { statement }: Pick<Errand, 'statement'>, receipt: Envelope | undefined): Outcome {
  const notice = envelopeFrom(statement ?? Buffer.alloc(0))
  return { status: 'delivered', statement: notice, receipt: receipt && proven(peer, receipt, notice) }
}

function proven({ identityKey, platformId }: Peer, receipt: Envelope, notice: Envelope): Envelope | undefined {
  try {
    const by = { identityKey: identityKey ?? Buffer.alloc(0), platformId: platformId ?? '' }
    checkNoticeReceipt(receipt, by, notice)
    return receipt
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

const givenUp = (lastError: string): Outcome => ({ status: 'given_up', lastError })
