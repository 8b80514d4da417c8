import { Refusal } from '@powernode/rpc'
import { isUuid } from '../uuid.ts'

const MOST = 1_000
const USUAL = 100

export const pageSize = (said: number): number => Math.min(MOST, said || USUAL)

/** A page token is where the last page ended, so that a page of the past never changes; opaque to callers. */
export const pageToken = (last: string | undefined): string => (last ? Buffer.from(last).toString('base64url') : '')

/** Where the next page begins: after the row of this id. */
export function afterPage(token: string, isValid: (last: string) => boolean = isUuid): string | undefined {
  if (token === '') return undefined
  const last = Buffer.from(token, 'base64url').toString()
  if (isValid(last)) return last
  throw new Refusal('PAGE_TOKEN_INVALID', 'this page token was not made here', { next: 'begin again without one' })
}
