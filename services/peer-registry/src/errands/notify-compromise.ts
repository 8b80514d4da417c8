import { create } from '@bufbuild/protobuf'
import { inTransaction } from '@powernode/postgres'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { NotifyCompromiseRequestSchema } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { retryAt, type Errand } from '../errand.ts'
import { owedCompromises } from '../operations/owed-compromises.ts'
import { giveUpCompromises, keepReceipt } from '../operations/settle-compromise.ts'
import * as errands from '../store/errands.ts'
import { toPeer, type ErrandDeps, type Performer } from './performer.ts'

/**
 * Tells a partner of every compromise it has not heard of, the oldest first, and keeps its signed receipts. What has no
 * receipt of theirs is still owed: told again it is the same notice. One that they hold to be invalid (their clock may be wrong)
 * keeps none of those after it from being told.
 */
export const notifyCompromise: Performer = {
  async perform({ db, clock, us, federation }, errand, signal) {
    const owed = await inTransaction(db, (tx) => owedCompromises(tx, us, errand.peerId))
    const refused: unknown[] = []
    for (const { noticeId, statement } of owed) {
      try {
        const request = create(NotifyCompromiseRequestSchema, { notice: statement })
        const { receipt = create(EnvelopeSchema) } = await federation.notifyCompromise(request, toPeer(errand, signal))
        const attempts = errand.attempts + 1
        const said = { peerId: errand.peerId, noticeId, statement, receipt, attempts }
        await inTransaction(db, (tx) => keepReceipt(tx, clock.now(), said))
      } catch (error) {
        if (!isHeldInvalid(error)) throw error
        refused.push(error)
      }
    }
    if (refused.length > 0) throw refused[0]
    await inTransaction(db, (tx) => errands.settle(tx, errand))
  },
  /** Who has ended the peering hears nothing of us any more. Whatever else they say no to, they have to hear it. */
  async refused(deps, errand, { by, reason, message }) {
    const why = `${reason}: ${message}`
    if (by === 'them' && reason === 'PEER_REVOKED') return giveUp(deps, errand, why)
    const { db, clock, jitter } = deps
    await inTransaction(db, (tx) => errands.postpone(tx, errand, retryAt(clock.now(), errand.attempts, jitter()), why))
  },
  expired: (deps, errand) => giveUp(deps, errand, errand.lastError || 'it was never tried'),
}

const isHeldInvalid = (error: unknown): boolean => refusalOf(error)?.metadata['peer_reason'] === 'NOTICE_INVALID'

const giveUp = ({ db, clock }: ErrandDeps, errand: Errand, lastError: string): Promise<void> =>
  inTransaction(db, async (tx) => {
    await giveUpCompromises(tx, clock.now(), { peerId: errand.peerId, attempts: errand.attempts + 1, lastError })
    await errands.settle(tx, errand)
  })
