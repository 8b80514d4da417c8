import { refusalOf, type Reason } from '@powernode/rpc'

/**
 * What a call that a grant allows, or not, says about the grant: to be given to `History.record`.
 *
 *     await history.record({ grant, does: 'check', by: 'gateway-1' }, () => checked(() => read(gateway, bearer)))
 *
 * Only the refusal of the bearer says that the grant is no good. Whatever else goes wrong (no lease, nobody there, no
 * answer in time) says nothing of it: a test MUST look that it was told enough.
 */
export async function checked(call: () => Promise<unknown>): Promise<'allowed' | 'denied' | 'undecided'> {
  const reason = await reasonOf(call)
  if (reason === undefined || reason === 'RESOURCE_NOT_FOUND') return 'allowed' // who looked for it was let in
  return reason === 'GRANT_INVALID' ? 'denied' : 'undecided'
}

/** Refusals of a revocation after which we know that it changed nothing. */
const CHANGED_NOTHING: readonly (Reason | 'UNKNOWN')[] = ['GRANT_OVER', 'GRANT_NOT_FOUND', 'REQUEST_INVALID']

/** What came of issuing or revoking. What may have taken effect and did not say so is thrown on: nobody knows. */
export async function carriedOut(call: () => Promise<unknown>): Promise<'done' | 'refused'> {
  const reason = await reasonOf(call)
  if (reason === undefined) return 'done'
  if (CHANGED_NOTHING.includes(reason)) return 'refused'
  throw new Error(`nobody knows whether it took effect: ${reason}`)
}

/** Why a call failed; undefined: it did not. */
async function reasonOf(call: () => Promise<unknown>): Promise<Reason | 'UNKNOWN' | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    return refusalOf(error)?.reason ?? 'UNKNOWN'
  }
}
