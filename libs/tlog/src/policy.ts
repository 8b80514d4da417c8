import { fromDecimal, malformed } from './note-flaw.ts'
import type { Verified } from './note.ts'
import { parseVkey, type SignatureType, type Verifier } from './vkey.ts'

/** Whose signatures make a checkpoint valid: C2SP tlog-policy. */
export type Policy = {
  /** Any of them signs. Empty: the log is known from elsewhere. */
  readonly logs: readonly Party[]
  readonly witnesses: readonly Party[]
  readonly quorum: Quorum
}

export type Party = { readonly verifier: Verifier; readonly url?: string }

/** A witness that has cosigned, or at least `atLeast` of some. */
export type Quorum = { readonly witness: Verifier } | { readonly atLeast: number; readonly members: readonly Quorum[] }

/** What is read so far. */
type Draft = {
  readonly logs: Party[]
  readonly witnesses: Party[]
  readonly names: Map<string, Quorum>
  /** A name counts in one place only, so that no witness counts twice. */
  readonly spent: Set<string>
  quorum?: Quorum
}

/** Reads a policy file. Whatever it does not understand it refuses: a rule passed over would be a rule not kept. */
export function parsePolicy(text: string): Policy {
  // eslint-disable-next-line no-control-regex -- tab and newline are all that the format allows of them
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) throw malformed('a policy has no control characters')
  const draft: Draft = { logs: [], witnesses: [], names: new Map([['none', NONE]]), spent: new Set() }
  for (const [number, line] of text.split('\n').entries()) {
    const [keyword = '', ...words] = line.split(/[ \t]+/).filter(Boolean)
    if (keyword === '' || keyword.startsWith('#')) continue
    const read = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined
    try {
      if (!read) throw malformed(`${keyword} is no keyword`)
      read(draft, words)
    } catch (cause) {
      throw malformed(`line ${number + 1} of the policy: ${cause instanceof Error ? cause.message : ''}`, cause)
    }
  }
  const { logs, witnesses, quorum } = draft
  if (!quorum) throw malformed('a policy has a quorum line')
  return { logs, witnesses, quorum }
}

/** Whether these signatures are enough: of one of the logs, if any are listed, and of the quorum. */
export function satisfies({ logs, quorum }: Policy, verified: readonly Pick<Verified, 'verifier'>[]): boolean {
  const vkeys = new Set(verified.map(({ verifier }) => verifier.vkey))
  const signed = logs.length === 0 || logs.some(({ verifier }) => vkeys.has(verifier.vkey))
  return signed && reached(quorum, vkeys)
}

/** Who has to stand under a checkpoint, as somebody would say it. */
export function quorumText(quorum: Quorum): string {
  if ('witness' in quorum) return quorum.witness.name
  const { atLeast, members } = quorum
  if (atLeast === 0) return 'nobody'
  const texts = members.map((member) => ('members' in member ? `(${quorumText(member)})` : quorumText(member)))
  if (texts.length === 1) return texts.join('')
  return atLeast === texts.length ? texts.join(' and ') : `${atLeast} of ${texts.join(', ')}`
}

/** Everyone that a policy knows: what to open a note with before asking `satisfies`. */
export const verifiersOf = ({ logs, witnesses }: Policy): Verifier[] =>
  [...logs, ...witnesses].map(({ verifier }) => verifier)

function reached(quorum: Quorum, vkeys: ReadonlySet<string>): boolean {
  if ('witness' in quorum) return vkeys.has(quorum.witness.vkey)
  return quorum.members.filter((member) => reached(member, vkeys)).length >= quorum.atLeast
}

const NONE: Quorum = { atLeast: 0, members: [] }

const KEYWORDS: Readonly<Record<string, (draft: Draft, words: readonly string[]) => void>> = {
  log: ({ logs }, [vkey = '', ...rest]) => {
    logs.push(partyOf(vkey, rest, 'ed25519', logs))
  },
  witness: ({ witnesses, names }, [name = '', vkey = '', ...rest]) => {
    const party = partyOf(vkey, rest, 'cosignature/v1', witnesses)
    define(names, name, { witness: party.verifier })
    witnesses.push(party)
  },
  group: ({ names, spent }, [name = '', threshold = '', ...members]) => {
    if (members.length === 0) throw malformed('a group has members')
    const quorums = members.map((member) => {
      const quorum = names.get(member)
      if (!quorum || member === 'none') throw malformed(`${member} is not defined above`)
      if (spent.has(member)) throw malformed(`${member} is a member already`)
      spent.add(member)
      return quorum
    })
    define(names, name, { atLeast: thresholdOf(threshold, members.length), members: quorums })
  },
  quorum: (draft, [name = '', ...rest]) => {
    const quorum = draft.names.get(name)
    if (draft.quorum || rest.length > 0) throw malformed('a policy has one quorum line, of one name')
    if (!quorum) throw malformed(`${name} is not defined above`)
    draft.quorum = quorum
  },
}

function thresholdOf(text: string, members: number): number {
  if (text === 'any') return 1
  if (text === 'all') return members
  const threshold = fromDecimal(text, 'the threshold')
  if (threshold < 1 || threshold > members) throw malformed(`${threshold} of ${members} cannot be asked for`)
  return threshold
}

function define(names: Map<string, Quorum>, name: string, quorum: Quorum): void {
  if (name === '' || names.has(name)) throw malformed(`${JSON.stringify(name)} cannot be defined here, or is already`)
  names.set(name, quorum)
}

function partyOf(
  vkey: string,
  [url, ...more]: readonly string[],
  type: SignatureType,
  others: readonly Party[],
): Party {
  const verifier = parseVkey(vkey)
  if (more.length > 0) throw malformed('there are too many words')
  if (verifier.type !== type) throw malformed(`the key of ${verifier.name} is not of type ${type}`)
  if (others.some((other) => Buffer.compare(other.verifier.publicKey, verifier.publicKey) === 0))
    throw malformed(`the key of ${verifier.name} is listed twice`)
  return url === undefined ? { verifier } : { verifier, url }
}
