import { Refusal } from '@powernode/rpc'

/** A page token is where the last page ended, so that a page of the past never changes; opaque to callers. */
export const pageToken = (last: string): string => Buffer.from(last, 'utf8').toString('base64url')

export function afterPage(token: string, valid: RegExp): string | undefined {
  if (token === '') return undefined
  const last = Buffer.from(token, 'base64url').toString('utf8')
  if (valid.test(last)) return last
  throw new Refusal('PAGE_TOKEN_INVALID', 'this page token was not made here', { next: 'begin again without one' })
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const OFFSET = /^\d{1,9}$/
