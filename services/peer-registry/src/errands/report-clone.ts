import { inTransaction } from '@powernode/postgres'
import { unpackClone } from '../clone.ts'
import * as errands from '../store/errands.ts'
import type { Performer } from './performer.ts'

/** Tells spawn-provisioner that another machine showed the invitation of one that it made. */
export const reportClone: Performer = {
  async perform({ db, spawns }, errand, signal) {
    const clone = unpackClone(errand.statement ?? Buffer.alloc(0))
    await spawns.reportClone({ peerId: errand.peerId, ...clone }, { signal, timeoutMs: 15_000 })
    await inTransaction(db, (tx) => errands.settle(tx, errand))
  },
  /** It knows no such child any more: nobody is left to be warned. */
  refused: ({ db }, errand) => inTransaction(db, (tx) => errands.settle(tx, errand)),
  expired: ({ db }, errand) => inTransaction(db, (tx) => errands.settle(tx, errand)),
}
