import { Refusal } from '@powernode/rpc'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** Sorts before every id. */
export const FIRST = '00000000-0000-0000-0000-000000000000'

/** Where the next page begins: opaque to callers, so that it may mean something else one day. */
export const pageToken = (lastId: string): string => Buffer.from(lastId).toString('base64url')

export function readPageToken(token: string): string {
  const id = Buffer.from(token, 'base64url').toString()
  if (!UUID.test(id))
    throw new Refusal('PAGE_TOKEN_INVALID', 'the page token is none of ours: start from the first page')
  return id
}

/** Whether a text is an id at all: what is none belongs to nobody, and must not reach a query. */
export const isPeerId = (text: string): boolean => UUID.test(text)
