import { create } from '@bufbuild/protobuf'
import { CheckSchema, type Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import type { Symptom } from './symptoms.ts'

export type Side = 'us' | 'them' | 'nobody'

/** What is wrong: what was seen, why, whose it is, and the command that mends it. */
export type Trouble = {
  readonly symptom: Symptom
  readonly summary: string
  readonly cause: string
  readonly side: Side
  readonly command?: string
}

/** Longest text of a check on the wire. */
const LONGEST = 512

/** `at` is the check's stable name, its section before the first dot unless it says another. */
export type Named = `${string}.${string}`

export const ok = (at: Named, summary: string, section?: string): Check =>
  check(at, 'ok', { summary, side: 'nobody' }, section)

/** Nothing that anybody has to mend, since it was decided so; it has a name all the same, for whoever asks why. */
export const decided = (at: Named, symptom: Symptom, summary: string): Check =>
  check(at, 'ok', { symptom, summary, side: 'nobody' })

export const skipped = (at: Named, summary: string, section?: string): Check =>
  check(at, 'skipped', { summary, side: 'nobody' }, section)

export const failed = (at: Named, trouble: Trouble, section?: string): Check => check(at, 'failed', trouble, section)

/** Works, or is not about the peering as a whole; an operator should look at it all the same. */
export const warning = (at: Named, trouble: Trouble, section?: string): Check => check(at, 'warning', trouble, section)

type Said = Pick<Trouble, 'summary' | 'side'> & Partial<Trouble>

// oxlint-disable-next-line max-params -- name, status, what is said, and where it stands when that is not in the name
function check(at: Named, status: string, said: Said, section = at.slice(0, at.indexOf('.'))): Check {
  const { summary, side, cause = '', command = '', symptom = '' } = said
  return create(CheckSchema, {
    name: at,
    section,
    status,
    summary: short(summary),
    cause: short(cause),
    side,
    command: short(command),
    symptom,
    seenBy: 'us',
  })
}

const short = (text: string): string => {
  const line = text.replaceAll(/\s*\n\s*/g, ' ')
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line
}
