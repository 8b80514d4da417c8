import { isRecord } from '../values.ts'
import { usage } from '../problem.ts'
import type { Intent } from './intent.ts'
import { KINDS, type Fields, type Kind } from './kinds.ts'
import { portsOf, portsText, selectorOf, selectorText, type WhoIs } from './texts.ts'
import { textOf } from './text-of.ts'

/**
 * Between what people write and what the contract says: names in place of ids, `tag:web` and `8000-8010` in place of messages.
 * Each way is the other's inverse. Nothing is checked here that the service checks.
 */

export type Around = { readonly intent: Intent; readonly network: string }

/** The key under which people write a field that holds an id: its name without the ending. */
export const shownKey = (field: string): string => field.replace(/_id(s?)$/, '$1')

/** What people wrote, as fields of the contract. */
export function toContract(kind: Kind, said: Fields, { intent, ...around }: Around): Fields {
  // What names its network itself may name the network's members shortly.
  const own = said['network']
  const network = around.network || (typeof own === 'string' ? intent.nameOf(intent.idOf('network', own)) : '')
  const fields: Record<string, unknown> = { ...said }
  for (const { field, to } of KINDS[kind].references ?? []) {
    const key = shownKey(field)
    if (field === 'scope_id' || fields[key] === undefined) continue
    const names = fields[key]
    delete fields[key]
    fields[field] = Array.isArray(names)
      ? names.map((name) => intent.idOf(to, textOf(name), network))
      : intent.idOf(to, textOf(names), network)
  }
  const whoIs: WhoIs = (who, name) => intent.idOf(who, name, network)
  return tidy({ ...fields, ...SPECIAL[kind]?.toContract(fields, whoIs, intent) })
}

/** Fields of the contract, as people write them. */
export function toPeople(kind: Kind, fields: Fields, { intent, network }: Around): Fields {
  const short = (id: string) => {
    const name = intent.nameOf(id)
    return name.startsWith(`${network}/`) ? name.slice(network.length + 1) : name
  }
  const { references = [], served = [], within } = KINDS[kind]
  const special = SPECIAL[kind]?.toPeople(fields, short, intent) ?? {}
  const shown = Object.entries({ ...fields, ...special }).flatMap(([field, value]): [string, unknown][] => {
    const isReference = references.some((reference) => reference.field === field)
    if (served.includes(field) || (field === within?.field && !isReference) || value === undefined) return []
    if (!isReference || field === 'scope_id') return field === 'scope_id' ? [] : [[field, value]]
    return [[shownKey(field), Array.isArray(value) ? value.map((id) => short(textOf(id))) : short(textOf(value))]]
  })
  return Object.fromEntries(shown)
}

type Special = {
  readonly toContract: (said: Fields, whoIs: WhoIs, intent: Intent) => Fields
  readonly toPeople: (fields: Fields, short: (id: string) => string, intent: Intent) => Fields
}

const SPECIAL: Readonly<Partial<Record<Kind, Special>>> = {
  firewall_rule: {
    toContract: ({ src, dst, dst_ports }, whoIs) => ({
      src: selectorOf(src, whoIs),
      dst: selectorOf(dst, whoIs),
      dst_ports: portsOf(dst_ports),
    }),
    toPeople: ({ src, dst, dst_ports }, short) => ({
      src: selectorText(src, short),
      dst: selectorText(dst, short),
      dst_ports: portsText(dst_ports),
    }),
  },
  route_policy: {
    toContract({ scope, statements }, whoIs, intent) {
      const [, word = '', name = ''] = /^([a-z]+)(?::(.+))?$/.exec(textOf(scope ?? '')) ?? []
      const id = name && (word === 'network' || word === 'member') ? intent.idOf(word, name) : undefined
      return { scope: word, scope_id: id, statements: each(statements, (said) => ({ ...said, neighbor_in: said['neighbor_in'] === undefined ? undefined : [said['neighbor_in']].flat().map((who) => neighborOf(textOf(who), whoIs)) })) } // prettier-ignore
    },
    toPeople({ scope, scope_id, statements }, short, intent) {
      const whose = (id: string) => (intent.byId(id) ? short(id) : `peer:${short(id)}`)
      const neighbors = (said: Fields) => [said['neighbor_in']].flat().map((id) => whose(textOf(id)))
      return {
        scope: scope_id === undefined ? scope : `${textOf(scope)}:${short(textOf(scope_id))}`,
        statements: each(statements, (said) => ({ ...said, neighbor_in: said['neighbor_in'] && neighbors(said) })),
      }
    },
  },
  ovn_acl: {
    toContract: ({ match, switch_id }, _, intent) => {
      if (!isRecord(match)) return {}
      const { port, dst_ports, ...rest } = match
      const path = `${intent.nameOf(textOf(switch_id))}/${textOf(port)}`
      return { match: tidy({ ...rest, dst_ports: portsOf(dst_ports), port_id: port === undefined ? undefined : intent.idOf('ovn_port', path) }) } // prettier-ignore
    },
    toPeople: ({ match }, short) => {
      if (!isRecord(match)) return {}
      const { port_id, dst_ports, ...rest } = match
      const port = port_id === undefined ? undefined : short(textOf(port_id)).split('/').at(-1)
      return { match: tidy({ ...rest, dst_ports: portsText(dst_ports), port }) }
    },
  },
}

/** lab/hub-1, or peer:b: from whom a route was learnt. */
const neighborOf = (who: string, whoIs: WhoIs): string =>
  who.startsWith('peer:') ? whoIs('peer', who.slice('peer:'.length)) : whoIs('member', who)

function each(list: unknown, change: (said: Fields) => Fields): unknown {
  if (list === undefined) return undefined
  if (!Array.isArray(list) || !list.every(isRecord)) throw usage('statements are a list of objects')
  return list.map((said) => tidy(change(said)))
}

/** Without what is not said. */
const tidy = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
