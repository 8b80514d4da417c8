import canonicalize from 'canonicalize'
import { isDisclosed } from './disclosed.ts'
import { logOf, type Happening } from './happening.ts'
import { isLogName, PLATFORM_LOG, publicActor, type NewEntry } from './new-entry.ts'

/**
 * What a service announced, as an entry: the payload says who did it, and what was announced.
 *
 * A payload that is shipped to the peer names no operator of ours.
 */
export function entryOf(happening: Happening): NewEntry {
  const { id, kind, actor, at, payload } = happening
  const log = logOf(happening).toLowerCase()
  const disclosed = isDisclosed(happening)
  const body = canonicalize(disclosed ? { ...payload } : { actor, ...payload })
  if (body === undefined) throw new Error('an object has a canonical form')
  return {
    id: id.toLowerCase(),
    log: isLogName(log) ? log : PLATFORM_LOG,
    action: kind,
    at,
    actor: publicActor(actor),
    payload: Buffer.from(body),
    disclosed,
  }
}
