import { leafHash } from '@powernode/tlog'
import { CALL_ALLOWED, commitPayload, parseEntry } from '@powernode/ledger'

/** An entry as it goes over the border: the leaf to the byte, and salt and payload where they are disclosed. */
export type Shipped = { readonly leaf: Uint8Array; readonly salt: Uint8Array; readonly payload: Uint8Array }

/** One line of the peer's log about us, as we keep it. Strings as they stand in the leaf (escaped). */
export type MirrorEntry = {
  readonly sequence: number
  readonly at: Date
  readonly direction: 'in' | 'out' | null
  readonly allowed: boolean | null
  readonly contentId: string | null
  readonly resource: string | null
  readonly leaf: Uint8Array
  readonly leafHash: Uint8Array
  /** What the peer disclosed along with it. */
  readonly payload: { readonly salt: Uint8Array; readonly body: Uint8Array } | undefined
}

/** How far the peer's log is mirrored, and what proves it. */
export type MirrorHead = {
  readonly size: number
  readonly root: Uint8Array
  /** Of all leaves and payloads up to here. */
  readonly bytes: number
  readonly checkpoint: string
  readonly checkpointSize: number
  readonly at: Date
}

const SALT_BYTES = 16
const LEAF_BYTES = 65_535

/** What is wrong with something that a peer wants mirrored. */
export class MirrorFlaw extends Error {
  override readonly name = 'MirrorFlaw'
}

/**
 * Reads what a peer says to be its entry at this place. MUST be canonical, of just that sequence, and any payload the one
 * that its leaf commits to: a mirror that takes anything else would vouch for it later.
 */
export function readShipped(shipped: Shipped, sequence: number): MirrorEntry {
  const { leaf } = shipped
  const flaw = (why: string, cause?: unknown) => new MirrorFlaw(`entry ${sequence}: ${why}`, { cause })
  if (leaf.length > LEAF_BYTES) throw flaw(`${leaf.length} bytes are too many`)
  let entry: ReturnType<typeof parseEntry>
  try {
    entry = parseEntry(leaf)
  } catch (error) {
    throw flaw('not an entry as the ledger writes them', error)
  }
  if (entry.sequence !== sequence) throw flaw(`it says to be entry ${entry.sequence}`)
  const { direction } = entry
  if (direction !== undefined && direction !== 'in' && direction !== 'out') throw flaw('a call goes in or out')
  if (entry.at.getTime() < 0) throw flaw('it is from before there were such logs')
  return {
    sequence,
    at: entry.at,
    direction: direction ?? null,
    allowed: direction === undefined ? null : entry.action === CALL_ALLOWED,
    contentId: escaped(entry.contentId),
    resource: escaped(entry.resource),
    leaf,
    leafHash: leafHash(leaf),
    payload: disclosed(shipped, entry.payloadSha256, flaw),
  }
}

/** Without the quotes: as it stands in canonical JSON, so that any text can be stored and compared. */
const escaped = (text: string | undefined): string | null => (text ? JSON.stringify(text).slice(1, -1) : null)

function disclosed(
  { salt, payload: body }: Shipped,
  hash: Uint8Array | undefined,
  flaw: (why: string) => Error,
): MirrorEntry['payload'] {
  if (salt.length === 0 && body.length === 0) return undefined
  if (salt.length !== SALT_BYTES) throw flaw(`a salt has ${SALT_BYTES} bytes`)
  if (hash === undefined || Buffer.compare(commitPayload(salt, body), hash) !== 0)
    throw flaw('the payload is not the one that the entry commits to')
  return { salt, body }
}

export const bytesOf = ({ leaf, payload }: MirrorEntry): number => leaf.length + (payload?.body.length ?? 0)
