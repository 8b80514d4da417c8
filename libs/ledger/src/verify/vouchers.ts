import {
  NoteFlaw,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  satisfies,
  verifiersOf,
  type Checkpoint,
  type FlawKind,
  type Policy,
  type Trust,
  type Verifier,
} from '@powernode/tlog'
import type { DamageKind, Findings } from '../damage.ts'
import { EntryFlaw } from '../entry.ts'
import type { LogFiles } from '../log-files.ts'
import { openPruning, parsePruningPath, type Pruning } from '../pruning.ts'

/** Signed statements beside the entries: the checkpoint, and what was pruned. */

const DAMAGE: Readonly<Record<FlawKind, DamageKind>> = {
  malformed: 'malformed_checkpoint',
  unsigned: 'bad_signature',
  forged: 'bad_signature',
}

/** The checkpoint, also when its signatures do not hold: what it claims is compared with the entries all the same. */
export async function readCheckpoint(
  files: LogFiles,
  trust: Trust,
  origin: string | undefined,
  findings: Findings,
): Promise<{ readonly checkpoint?: Checkpoint; readonly signers: readonly string[] }> {
  const path = 'checkpoint'
  const bytes = await files.read(path)
  if (!bytes) {
    findings.add('missing_checkpoint', 'there is no checkpoint', { path })
    return { signers: [] }
  }
  try {
    const text = utf8(bytes)
    const checkpoint = parseCheckpoint(parseNote(text).body)
    if (origin !== undefined && checkpoint.origin !== origin)
      findings.add('wrong_log', `this is a checkpoint of ${checkpoint.origin}, not of ${origin}`, { path })
    return { checkpoint, signers: signersOf(text, trust, findings) }
  } catch (flaw) {
    if (!(flaw instanceof NoteFlaw)) throw flaw
    findings.add(DAMAGE[flaw.kind], flaw.message, { path })
    return { signers: [] }
  }
}

/** Whose signatures hold. */
function signersOf(text: string, trust: Trust, findings: Findings): string[] {
  try {
    const { verified } = openCheckpoint(text, withoutQuorum(trust))
    if (isPolicy(trust) && !satisfies(trust, verified))
      findings.add('too_few_cosignatures', 'fewer witnesses have cosigned than the policy asks for', { path: 'checkpoint' }) // prettier-ignore
    return verified.map(({ verifier }) => verifier.name)
  } catch (flaw) {
    if (!(flaw instanceof NoteFlaw)) throw flaw
    findings.add(DAMAGE[flaw.kind], flaw.message, { path: 'checkpoint' })
    return []
  }
}

/** A checkpoint that somebody kept. Throws unless it is one, and signed: it would prove nothing. */
export const openPrevious = (note: string, trust: Trust): Checkpoint =>
  openCheckpoint(note, withoutQuorum(trust)).checkpoint

/** What was pruned, by the statements of the log's key. */
export async function readPrunings(
  files: LogFiles,
  paths: readonly string[],
  { checkpoint, trust }: { readonly checkpoint: Checkpoint; readonly trust: Trust },
  findings: Findings,
): Promise<readonly Pruning[]> {
  const prunings: Pruning[] = []
  for (const path of paths) {
    const claimed = parsePruningPath(path)
    if (claimed === undefined) continue
    try {
      const pruning = openPruning(utf8((await files.read(path)) ?? new Uint8Array()), verifiersIn(trust))
      if (pruning.origin !== checkpoint.origin || pruning.below !== claimed || pruning.size > checkpoint.size)
        throw new EntryFlaw('the statement is about something else')
      prunings.push(pruning)
    } catch (flaw) {
      if (!(flaw instanceof NoteFlaw || flaw instanceof EntryFlaw)) throw flaw
      findings.add('bad_pruning', flaw.message, { path })
    }
  }
  return prunings
}

const isPolicy = (trust: Trust): trust is Policy => 'quorum' in trust
const verifiersIn = (trust: Trust): readonly Verifier[] => (isPolicy(trust) ? verifiersOf(trust) : trust)
const withoutQuorum = (trust: Trust): Trust =>
  isPolicy(trust) ? { ...trust, quorum: { atLeast: 0, members: [] } } : trust

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new NoteFlaw('malformed', 'a note is UTF-8', { cause })
  }
}
