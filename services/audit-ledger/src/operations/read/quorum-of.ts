import type { Policy } from '@powernode/tlog'
import { isEnough, quorumSize } from '../../quorum.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as cosignatures from '../../store/cosignatures.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** A quorum that was reached longer ago than this is as good as none. */
const NEWEST_SIZES = 256
/** Beyond this many, an exact number says nothing more. */
const MOST = 1_000

/** The newest size of a log under which stand as many witnesses as the policy asks for; 0: none. */
export async function quorumOf(
  tx: LedgerTx,
  _now: Date,
  { policy, logId, signed }: { readonly policy: Policy; readonly logId: number; readonly signed: number },
): Promise<number> {
  return quorumSize(policy, signed, await cosignatures.newestSizes(tx, logId, NEWEST_SIZES))
}

/** How many logs have a checkpoint of before this moment, and none as new that satisfies the policy. */
export async function countWithoutQuorum(
  tx: LedgerTx,
  now: Date,
  { policy, before }: { readonly policy: Policy; readonly before: Date },
): Promise<number> {
  let count = 0
  const heads = await cosignatures.underNewest(tx)
  for (const { logId, size } of heads.filter((head) => !isEnough(policy, head.cosigned)).slice(0, MOST)) {
    const reached = await quorumOf(tx, now, { policy, logId, signed: size })
    const next = await checkpoints.firstAbove(tx, logId, reached)
    if (next && next.signedAt <= before) count += 1
  }
  return count
}
