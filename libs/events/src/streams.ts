/**
 * Who announces what: one stream per publishing service, its nouns, and nobody else's.
 *
 * A noun is the second word of a subject (`fed.<noun>.<word>.<id>`). One that stands in no row cannot be announced.
 */
export const STREAMS = {
  PEER_REGISTRY: {
    source: 'peer-registry',
    nouns: ['peer', 'invitation', 'ca', 'certificate', 'notice', 'acceptance'],
  },
  LIVENESS: { source: 'liveness', nouns: ['liveness'] },
  AUDIT_LEDGER: { source: 'audit-ledger', nouns: ['audit'] },
  GRANT_AUTHZ: {
    source: 'grant-authz',
    nouns: ['grant', 'bridge', 'capability', 'residency', 'approval', 'operator', 'resource'],
  },
  SPAWN_PROVISIONER: { source: 'spawn-provisioner', nouns: ['spawn'] },
  SDWAN_COMPILER: { source: 'sdwan-compiler', nouns: ['sdwan'] },
} as const satisfies Record<string, { readonly source: string; readonly nouns: readonly string[] }>

export type StreamName = keyof typeof STREAMS
export type Noun = (typeof STREAMS)[StreamName]['nouns'][number]

export const STREAM_NAMES = Object.keys(STREAMS) as readonly StreamName[] // keys of a constant

/** What a stream stores: `fed.peer.>` and so on. */
export function subjectsOf(stream: StreamName): string[] {
  return STREAMS[stream].nouns.map((noun) => `fed.${noun}.>`)
}

/** The service that owns a subject, and alone may announce there; undefined when nobody does. */
export function sourceAt(subject: string): string | undefined {
  const [fed, noun = ''] = subject.split('.')
  if (fed !== 'fed') return undefined
  return Object.values(STREAMS).find(({ nouns }) => (nouns as readonly string[]).includes(noun))?.source
}

/** The service that announces a noun, as `Event.source` names it. */
export function sourceOf(noun: Noun): string {
  const row = Object.values(STREAMS).find(({ nouns }) => (nouns as readonly string[]).includes(noun))
  if (!row) throw new Error(`no stream carries fed.${noun}`)
  return row.source
}

/**
 * The one stream that holds no news: segments of the ledger, each written once and kept for good. Whoever else could add to
 * it, or change how it is kept, could say what happened; so one service may write there, and none may do more than that.
 */
export const WORM = { stream: 'LEDGER', source: 'audit-ledger', subjects: ['worm.>'] } as const
