import { replacedBy } from '@powernode/postgres'
import type { Intent } from '../intent/intent.ts'
import { lostProblem, replacedProblem, type PlacedProblem } from '../problems.ts'
import type { SdwanTx } from '../store/tables.ts'
import { lostSecrets } from './rekey.ts'
import type { Sealing } from './settle-offers.ts'

/**
 * What is the matter with our secrets. A process whose sealing key is not the newest says that, and of no secret that it is lost:
 * what it cannot open others can.
 */
export async function sealingProblems(
  tx: SdwanTx,
  intent: Intent,
  { sealing }: { readonly sealing: Sealing },
): Promise<readonly PlacedProblem[]> {
  const newest = await replacedBy(tx, sealing)
  if (newest !== undefined) return [replacedProblem(newest)]
  return (await lostSecrets(tx, sealing)).map((one) => lostProblem(intent, one))
}
