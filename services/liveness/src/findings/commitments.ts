import { breachesOf } from './breaches.ts'
import type { Evidence, PeerEvidence, Source } from './evidence.ts'
import type { Found } from './finding.ts'

export const RESULTS = ['kept', 'broken', 'unknown', 'not_checkable'] as const
export type Result = (typeof RESULTS)[number]

/** Where a commitment is not kept. Without a peer: by ourselves. */
export type Breach = { readonly peerId: string; readonly detail: string }

/** What was found of one commitment. */
export type Checked = {
  readonly number: number
  readonly result: Result
  readonly detail: string
  readonly breaches: readonly Breach[]
}

/** By evidence, and by what was found in it: the two never differ. */
export type Look = (evidence: Evidence, judged: Judged) => readonly Breach[]
export type Judged = { readonly now: Date; readonly found: readonly Found[] }

export type Commitment = {
  readonly number: number
  readonly name: string
  /** What is checked, in a sentence; or why no machine can. */
  readonly checked: string
  readonly needs: readonly Source[]
  /** Absent: not checkable. */
  readonly look?: Look
}

/** The contract's twelve, in its order and by its numbers (peer-registry has its text). */
export const COMMITMENTS: readonly Commitment[] = [
  {
    number: 1,
    name: 'identity disclosure',
    checked: 'every peer, and we, have disclosed contact, jurisdiction, platform version and release tag',
    needs: ['peers'],
    look: breachesOf.disclosure,
  },
  {
    number: 2,
    name: 'reciprocity',
    checked: 'cannot be checked by a machine: whether what one side asks it would also give is a question of intent',
    needs: [],
  },
  {
    number: 3,
    name: 'truthful capability',
    checked: 'a peer that names extensions also says what it can do with them; whether that is true shows only in use',
    needs: ['peers'],
    look: breachesOf.capability,
  },
  {
    number: 4,
    name: 'notice of revocation',
    checked: 'every peer whose peering we ended was told so, signed, or could not be reached for 24 hours and more',
    needs: ['notices'],
    look: breachesOf.revocation,
  },
  {
    number: 5,
    name: 'audit',
    checked:
      'no alarm stands about the ledger that we keep with a peer: no fork, no rollback, nothing unsigned or altered',
    needs: ['peers', 'alarms'],
    look: breachesOf.audit,
  },
  {
    number: 6,
    name: 'no undermining',
    checked: 'no peer advertises routes into our prefix, or into that of a peer that came before it',
    needs: ['peers'],
    look: breachesOf.undermining,
  },
  {
    number: 7,
    name: 'clean migration',
    checked: 'cannot be checked: nothing is moved between platforms by this release',
    needs: [],
  },
  {
    number: 8,
    name: 'residency',
    checked: 'a peer whose data has to stay in a region does not say that it is in another one',
    needs: ['peers', 'residencies'],
    look: breachesOf.residency,
  },
  {
    number: 9,
    name: 'notice of compromise',
    checked:
      'every compromise was told to every partner within 24 hours of its discovery, by us and by them; told later it stays broken',
    needs: ['notices'],
    look: breachesOf.compromise,
  },
  {
    number: 10,
    name: 'versions',
    checked:
      'every peer speaks the contract version that was agreed, and its platform version works with ours; notice 30 days ahead is given by people',
    needs: ['peers', 'versions'],
    look: breachesOf.versions,
  },
  {
    number: 11,
    name: 'exit',
    checked: 'of a peering that is over nothing is left: no certificate that we signed for it is still good',
    needs: ['peers', 'certificates'],
    look: breachesOf.exit,
  },
  {
    number: 12,
    name: 'honest versions',
    checked:
      'the platform version that a peer states is the one its release is called by; what really runs there it alone knows',
    needs: ['peers'],
    look: breachesOf.honesty,
  },
]

/** Each commitment and how it stands. Pure: of what could not be read it says unknown, never kept. */
export function check(evidence: Evidence, judged: Judged): readonly Checked[] {
  return COMMITMENTS.map(({ number, needs, look }) => {
    if (!look) return { number, result: 'not_checkable', detail: '', breaches: [] }
    const missing = needs.filter((source) => evidence.unread.has(source))
    if (missing.length > 0)
      return { number, result: 'unknown', detail: `not read: ${missing.join(', ')}`, breaches: [] }
    const breaches = onePerPeer(look(evidence, judged))
    if (breaches.length === 0) return { number, result: 'kept', detail: '', breaches }
    return { number, result: 'broken', detail: detailOf(breaches, evidence.peers), breaches }
  })
}

function onePerPeer(breaches: readonly Breach[]): readonly Breach[] {
  const first = new Map<string, Breach>()
  for (const breach of breaches) if (!first.has(breach.peerId)) first.set(breach.peerId, breach)
  return [...first.values()]
}

const SHOWN = 3

/** The first few in words, and how many more there are. */
function detailOf(breaches: readonly Breach[], peers: readonly PeerEvidence[]): string {
  const names = new Map(peers.map(({ peerId, name }) => [peerId, name || peerId]))
  const shown = breaches.slice(0, SHOWN).map(({ peerId, detail }) => `${names.get(peerId) ?? 'we'}: ${detail}`)
  const more = breaches.length - shown.length
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '')
}
