import { addSignatures, openNote, type Verifier } from '@powernode/tlog'
import * as cosignatures from '../../store/cosignatures.ts'
import type { LedgerTx } from '../../store/tables.ts'
import type { Delivery } from './next-delivery.ts'

/**
 * A witness has answered with signature lines: those of its own key that are right are kept.
 *
 * Lines of keys that are not known are passed over (tlog-witness); a known key's that is wrong makes the answer worthless.
 * Returns whether the witness has cosigned.
 */
export async function keepCosignatures(
  tx: LedgerTx,
  now: Date,
  said: { readonly delivery: Delivery; readonly lines: readonly string[]; readonly verifier: Verifier },
): Promise<boolean> {
  const { delivery, lines, verifier } = said
  const { logId, size, note } = delivery
  const mine = ({ name, keyId }: Verifier) => name === verifier.name && keyId.equals(verifier.keyId)
  const signed = openNote(addSignatures(note, lines), [verifier]).verified.filter((one) => mine(one.verifier))
  for (const { line } of signed)
    await cosignatures.add(tx, { logId, size, name: verifier.name, keyId: verifier.keyId, line, at: now })
  return signed.length > 0
}
