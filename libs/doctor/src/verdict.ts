import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { VerdictSchema, type Verdict } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import { CheckSchema, type Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { HEALTHY, placeOf } from './symptoms.ts'

/**
 * The one thing to begin with.
 *
 * What failed goes before what only warns, and among those what we saw ourselves before what only the other side says: it may
 * say what it likes, and MUST NOT choose what our operators look at first. Then the first cause goes before its consequences.
 * What the other side calls an earlier cause than the one we see ourselves is added to that, in its words. Pure and total: the
 * same checks in any order give the same verdict.
 */
export function verdictOf(checks: readonly Check[], at: Date): Verdict {
  const first = firstOf(checks, 'failed') ?? firstOf(checks, 'warning')
  const theirs = firstOf(
    checks.filter((check) => check.seenBy === 'them'),
    'failed',
  )
  const counts = {
    failed: count(checks, 'failed'),
    warnings: count(checks, 'warning'),
    skipped: count(checks, 'skipped'),
    at: timestampFromDate(at),
  }
  if (!first) return create(VerdictSchema, { symptom: HEALTHY, summary: 'nothing is wrong', side: 'nobody', ...counts })
  const { symptom, side, command, name } = first
  const isEarlier = theirs && theirs !== first && placeOf(theirs.symptom) < placeOf(symptom)
  return create(VerdictSchema, {
    symptom: symptom || name,
    summary: isEarlier ? `${sentenceOf(first)}; ${sentenceOf(theirs)}` : sentenceOf(first),
    side,
    command,
    check: name,
    ...counts,
  })
}

const sentenceOf = ({ summary, cause, seenBy }: Check): string =>
  `${seenBy === 'them' ? 'the other side says: ' : ''}${cause ? `${summary}: ${cause}` : summary}`

function firstOf(checks: readonly Check[], status: string): Check | undefined {
  return checks.filter((check) => check.status === status).toSorted(before)[0]
}

const before = (one: Check, other: Check): number =>
  Number(one.seenBy === 'them') - Number(other.seenBy === 'them') ||
  placeOf(one.symptom) - placeOf(other.symptom) ||
  compare(one.name, other.name) ||
  compare(one.summary, other.summary)

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

const count = (checks: readonly Check[], status: string): number =>
  checks.filter((check) => check.status === status).length

const FLIPPED: Readonly<Record<string, string>> = { us: 'them', them: 'us' }

/**
 * What the other side says, as it reads from here: their "us" is our "them".
 *
 * Its texts are its own, and read by an operator of ours at a terminal: each becomes one line. What we are to do about it is not
 * theirs to choose, or whoever holds their platform would have our operators run what it likes: only what changes nothing is
 * taken from them as it is, and an id in it is theirs of us, so that ours of them stands in its place.
 */
export const fromThem = (checks: readonly Check[], peerId: string): Check[] =>
  checks.map((check) => {
    const side = FLIPPED[check.side] ?? 'nobody'
    const command = line(check.command)
    return create(CheckSchema, {
      ...check,
      name: line(check.name),
      section: line(check.section),
      summary: line(check.summary),
      cause: line(check.cause),
      command: side === 'us' && command !== '' ? ourCommand(command, peerId) : command,
      side,
      seenBy: 'them',
    })
  })

const ourCommand = (command: string, peerId: string): string =>
  isHarmless(command) ? command.replace(WHOM, ` ${peerId}`) : LOOK

const LOOK = 'fedctl doctor'
/** Whom a command of theirs is about, at its end: the two of us. */
const WHOM = /(?: <peer>| [0-9a-f-]{36})$/
/** Commands and advice of this release that a peer may give us. */
const ADVICE: readonly string[] = [
  'chronyc tracking',
  'mend the DNS record, or say where else: FEDERATION_ENDPOINTS of peer-registry',
  'raise the limits of their federation-gateway, or beat less often',
  'run a release that speaks the agreed version, or: fedctl peer re-peer <peer>',
  'see that FEDERATION_ENDPOINTS can be reached from outside, and: fedctl doctor',
  'set the DISCLOSURE_ variables of peer-registry, and start it again',
  'take it out of FEDERATION_ENDPOINTS, or mend it',
  'fedctl peer resume <peer>',
  'fedctl peer re-peer <peer>',
]
const LOOKS =
  /^fedctl (doctor|doctor peer|peer show|version list|ca show|cert list|audit status)( <peer>| [0-9a-f-]{36})?$/

const isHarmless = (command: string): boolean => ADVICE.includes(command) || LOOKS.test(command)

const line = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
