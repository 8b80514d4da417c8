import { usage } from '../problem.ts'
import { isRecord } from '../values.ts'
import type { Fields } from './kinds.ts'
import { textOf } from './text-of.ts'

/** 443 or 8000-8010, as a range of ports is written. */
export function portsOf(said: unknown): Fields | undefined {
  if (said === undefined || said === '' || isRecord(said)) return isRecord(said) ? said : undefined
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(textOf(said)) ?? []
  if (from === undefined || Number(to) < Number(from)) throw usage(`"${textOf(said)}" is neither a port nor a range of ports`, '443, or 8000-8010') // prettier-ignore
  return { from: Number(from), to: Number(to) }
}

export function portsText(range: unknown): string | undefined {
  if (!isRecord(range)) return undefined
  const { from, to } = range
  return from === to ? textOf(from) : `${textOf(from)}-${textOf(to)}`
}

export const SELECTORS = 'all, member:<name>, tag:<tag>, cidr:<prefix> or peer:<name>'

/** Who is meant by a name: the id of a member, or of a peer. */
export type WhoIs = (kind: 'member' | 'peer', name: string) => string

/** all, member:web-1, tag:web, cidr:fd00::/64, peer:b: whom a rule speaks of. */
export function selectorOf(said: unknown, whoIs: WhoIs): Fields | undefined {
  if (said === undefined || said === '' || isRecord(said)) return isRecord(said) ? said : undefined
  const [, word = '', value = ''] = /^([a-z]+)(?::(.+))?$/s.exec(textOf(said)) ?? []
  if (word === 'all' && value === '') return { all: true }
  if (word === 'member' && value) return { member_id: whoIs('member', value) }
  if (word === 'peer' && value) return { federation_peer_id: whoIs('peer', value) }
  if (word === 'tag' && value) return { tag: value }
  if (word === 'cidr' && value) return { cidr: value }
  throw usage(`"${textOf(said)}" is no selector`, SELECTORS)
}

export function selectorText(selector: unknown, nameOf: (id: string) => string): string | undefined {
  if (!isRecord(selector)) return undefined
  const [[field, value] = ['all', true]] = Object.entries(selector)
  if (field === 'member_id') return `member:${nameOf(textOf(value))}`
  if (field === 'federation_peer_id') return `peer:${nameOf(textOf(value))}`
  return field === 'all' ? 'all' : `${field}:${textOf(value)}`
}
