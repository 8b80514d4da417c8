import { isKeyName, openNote, signNote, TILE_WIDTH, type Signer, type Verifier } from '@powernode/tlog'
import { EntryFlaw } from './entry.ts'

/**
 * That entries are gone on purpose: a note signed with the log's key. Their hashes stay in the tiles, so every proof stays.
 * Its first line is no origin, and its second no size: it can never be read as a checkpoint.
 */
export type Pruning = {
  readonly origin: string
  /** The first entry that is kept: a multiple of 256. */
  readonly below: number
  /** Size and root of the cosigned checkpoint below which it lies. */
  readonly size: number
  readonly root: Uint8Array
  readonly at: Date
  readonly actor: string
  readonly reason: string
}

const HEADER = 'powernode.audit/pruning@v1'

/** Where the statement lies beside the tiles. */
export const pruningPath = (below: number): string => `pruning/${below}`

export const parsePruningPath = (path: string): number | undefined => {
  const below = Number(/^pruning\/([1-9][0-9]{0,15})$/.exec(path)?.[1])
  return Number.isSafeInteger(below) ? below : undefined
}

export function signPruning(pruning: Pruning, signer: Signer): string {
  const { origin, below, size, root, at, actor, reason } = pruning
  const words = JSON.stringify({ actor, reason })
  const body = `${HEADER}\n${origin}\nbelow ${below}\nsize ${size}\nroot ${Buffer.from(root).toString('base64')}\nat ${at.toISOString()}\n${words}\n` // prettier-ignore
  parseBody(body)
  return signNote(body, [signer])
}

/** Opens a statement. Throws when no known key of the very log has signed it, or it says what may not be. */
export function openPruning(note: string, verifiers: readonly Verifier[]): Pruning {
  const { body, verified } = openNote(note, verifiers)
  const pruning = parseBody(body)
  const byLog = verified.some(({ verifier: { name, type } }) => name === pruning.origin && type === 'ed25519')
  if (!byLog) throw new EntryFlaw(`no known key of ${pruning.origin} has signed the statement`)
  return pruning
}

function parseBody(body: string): Pruning {
  const { origin = '', below = '', size = '', root = '', at = '', words = '' } = BODY.exec(body)?.groups ?? {}
  if (!isKeyName(origin)) throw new EntryFlaw('this is no statement about pruning')
  const { actor, reason } = wordsOf(words)
  if (typeof actor !== 'string' || typeof reason !== 'string') throw new EntryFlaw('a statement says who and why')
  const pruning = { origin, below: Number(below), size: Number(size), root: Buffer.from(root, 'base64'), at: new Date(at), actor, reason } // prettier-ignore
  if (pruning.below % TILE_WIDTH !== 0 || pruning.below > pruning.size || !Number.isSafeInteger(pruning.size))
    throw new EntryFlaw('entries are pruned in whole segments below a cosigned size')
  return pruning
}

function wordsOf(text: string): { readonly actor?: unknown; readonly reason?: unknown } {
  try {
    return Object(JSON.parse(text)) as object // read member by member above
  } catch (cause) {
    throw new EntryFlaw('a statement says who and why', { cause })
  }
}

const BODY = /^powernode\.audit\/pruning@v1\n(?<origin>[^\n]+)\nbelow (?<below>[1-9][0-9]*)\nsize (?<size>[1-9][0-9]*)\nroot (?<root>[A-Za-z0-9+/]{43}=)\nat (?<at>[0-9-]{10}T[0-9:.]{12}Z)\n(?<words>\{[^\n]*\})\n$/ // prettier-ignore
