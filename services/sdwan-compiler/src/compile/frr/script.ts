import { TOOL, type Family } from './text.ts'

/**
 * frr.conf as it grows: lists and route-maps by name, so that what two neighbors share is there once. All of them are written before
 * the first router: a route-map that is defined after the router that uses it lets nothing through until a timer of 5 s.
 */
export type Script = {
  /** Name, with its family or kind, to lines. */
  readonly lists: Map<string, string>
  readonly maps: Map<string, string>
}

export const emptyScript = (): Script => ({ lists: new Map(), maps: new Map() })

/** Each entry is what stands behind the sequence number: `permit fd00::/64 le 128`. What no entry names is denied. */
export function prefixList(script: Script, family: Family, name: string, entries: readonly string[]): string {
  const all = entries.length === 0 ? ['deny any'] : entries
  const lines = all.map((entry, at) => `${TOOL[family]} prefix-list ${name} seq ${(at + 1) * 5} ${entry}`)
  script.lists.set(`${family} ${name}`, lines.join('\n'))
  return `match ${TOOL[family]} address prefix-list ${name}`
}

/** Passes what bears any of these. */
export function largeCommunityList(script: Script, name: string, marks: readonly string[]): string {
  const lines = marks.map((mark, at) => `bgp large-community-list standard ${name} seq ${(at + 1) * 5} permit ${mark}`)
  script.lists.set(`large ${name}`, lines.join('\n'))
  return `match large-community ${name}`
}

export function communityList(script: Script, name: string, communities: readonly string[]): string {
  const lines = communities.map((each, at) => `bgp community-list standard ${name} seq ${(at + 1) * 5} permit ${each}`)
  script.lists.set(`standard ${name}`, lines.join('\n'))
  return `match community ${name}`
}

export function asPathList(script: Script, name: string, regex: string): string {
  script.lists.set(`as-path ${name}`, `bgp as-path access-list ${name} seq 5 permit ${regex}`)
  return `match as-path ${name}`
}

export type Clause = { readonly verdict: 'permit' | 'deny'; readonly lines: readonly string[] }

export const permit = (...lines: readonly string[]): Clause => ({ verdict: 'permit', lines })
export const deny = (...lines: readonly string[]): Clause => ({ verdict: 'deny', lines })

/** What no clause speaks of is denied. */
export function routeMap(script: Script, name: string, clauses: readonly Clause[]): string {
  const all = clauses.length === 0 ? [deny()] : clauses
  const lines = all.flatMap((clause, at) => [
    `route-map ${name} ${clause.verdict} ${(at + 1) * 10}`,
    ...clause.lines.map((line) => ` ${line}`),
    'exit',
  ])
  script.maps.set(name, lines.join('\n'))
  return name
}

/** Clauses of which one decides, and then every policy has its say on what passed, each narrowing the one before. */
export function narrowed(clauses: readonly Clause[], policies: readonly string[]): readonly Clause[] {
  if (policies.length === 0) return clauses
  const first = (clauses.length + 2) * 10
  return [
    ...clauses.map((each) => (each.verdict === 'deny' ? each : permit(...each.lines, `on-match goto ${first}`))),
    deny(),
    ...policies.map((name, at) => permit(`call ${name}`, ...(at < policies.length - 1 ? ['on-match next'] : []))),
  ]
}
