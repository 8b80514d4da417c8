import type { Tx } from '@powernode/postgres'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { areSameKeys, endorse, type KeyPair } from '../ledger-keys.ts'
import type { Us } from '../platform.ts'
import { envelopeBytes, envelopeFrom } from '../statements.ts'
import * as ledgerKeys from '../store/ledger-keys.ts'
import type { Tables } from '../store/tables.ts'

/**
 * Our identity vouches for the keys of our ledger.
 *
 * The same keys get the same statement, however often they are shown; other keys get one of a greater sequence, which is
 * kept before it is told: peers refuse an older one, so a number that was given away MUST never be given again.
 */
export async function endorseLedgerKeys(
  tx: Tx<Tables>,
  now: Date,
  { us, pair }: { us: Us; pair: KeyPair },
): Promise<Envelope> {
  const newest = await ledgerKeys.takeNewest(tx)
  if (newest && areSameKeys(newest, pair)) return envelopeFrom(newest.statement)
  const sequence = (newest?.sequence ?? 0) + 1
  const statement = endorse(us, pair, sequence, now)
  await ledgerKeys.insert(tx, { ...pair, sequence, statement: envelopeBytes(statement), endorsedAt: now })
  return statement
}
