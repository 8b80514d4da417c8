import { Refusal } from '@powernode/rpc'

/** Where a page of resources ended. Opaque to callers, so that it may mean something else one day. */
export type Place = { readonly kind: string; readonly id: string }

export function placeToken(place: Place | undefined): string {
  return place ? Buffer.from(JSON.stringify([place.kind, place.id])).toString('base64url') : ''
}

/** Where a page begins; undefined: with the first. A token of another list is refused: it would leave out what is before. */
export function placeFrom(token: string, kind: string): Place | undefined {
  if (token === '') return undefined
  const [ofKind, id] = partsOf(Buffer.from(token, 'base64url').toString())
  const isOurs = typeof ofKind === 'string' && typeof id === 'string' && (kind === '' || kind === ofKind)
  if (!isOurs) {
    throw new Refusal('PAGE_TOKEN_INVALID', 'the page token is not one that this list has given out', {
      next: 'begin again without one',
    })
  }
  return { kind: ofKind, id }
}

function partsOf(text: string): readonly unknown[] {
  try {
    const said: unknown = JSON.parse(text)
    return Array.isArray(said) && said.length === 2 ? said : []
  } catch {
    return [] // it is no JSON, so it is none of ours
  }
}
