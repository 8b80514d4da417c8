import type { Answer, Deed, Line } from './history.ts'
import { isLinearizable, type Interval, type Model } from './linearize.ts'

type Done = Deed & { readonly answer: Answer | undefined }
type State = 'absent' | 'live' | 'revoked'

/**
 * One grant, as everybody may take it to be: not there, then good, then revoked for ever, however often it is revoked.
 * There is nothing to revoke before it is there.
 */
const GRANT: Model<State, Done> = {
  initial: 'absent',
  isRead: ({ does, answer }) => does === 'check' || answer === 'refused',
  step(state, { does, answer }) {
    if (answer === 'refused' || answer === 'undecided') return state
    if (does === 'issue') return state === 'absent' ? 'live' : undefined
    if (does === 'revoke') return state === 'absent' ? undefined : 'revoked'
    return answer === undefined || (answer === 'allowed') === (state === 'live') ? state : undefined
  },
}

export type HistoryVerdict =
  | { readonly ok: true; readonly grants: number; readonly checks: number }
  | {
      readonly ok: false
      readonly grant: string
      /** In words, what cannot be explained. */
      readonly problem: string
      /** The lines about this grant, up to the one that cannot be true. */
      readonly lines: readonly Line[]
    }

/**
 * Whether each grant of a history behaved as one thing would that is issued, checked and revoked in one place, whatever
 * number of gateways there are: after a revocation returned, or after somebody was told of it, nobody is let in.
 *
 * An issue counts from when it returns: whoever records it MUST let it return when every gateway knows the grant.
 */
export function checkHistory(lines: readonly Line[]): HistoryVerdict {
  const byGrant = Map.groupBy(lines, grantOfEach(lines))
  for (const [grant, own] of byGrant) {
    if (isGood(own)) continue
    const length = shortestBad(own)
    return { ok: false, grant, problem: problemOf(own.slice(0, length)), lines: own.slice(0, length) }
  }
  const checks = lines.filter((line) => 'does' in line && line.does === 'check').length
  return { ok: true, grants: byGrant.size, checks }
}

/** How many checks were begun after a revocation of their grant had returned, and allowed. MUST be 0. */
export function allowedAfterRevoked(lines: readonly Line[]): number {
  const grantOf = grantOfEach(lines)
  const [revoked, doomed, revocations] = [new Set<string>(), new Set<number>(), new Set<number>()]
  let count = 0
  for (const line of lines) {
    if ('invoke' in line) {
      if (line.does === 'revoke') revocations.add(line.invoke)
      if (line.does === 'check' && revoked.has(line.grant)) doomed.add(line.invoke)
      continue
    }
    if (revocations.has(line.return) && line.answer === 'done') revoked.add(grantOf(line))
    if (doomed.has(line.return) && line.answer === 'allowed') count++
  }
  return count
}

function grantOfEach(lines: readonly Line[]): (line: Line) => string {
  const grants = new Map(lines.flatMap((line) => ('invoke' in line ? [[line.invoke, line.grant] as const] : [])))
  return (line) => {
    const grant = grants.get('invoke' in line ? line.invoke : line.return)
    if (grant === undefined) throw new Error(`a return of what was never begun: ${JSON.stringify(line)}`)
    return grant
  }
}

function isGood(lines: readonly Line[]): boolean {
  const returns = new Map(
    lines.flatMap((line, at) => ('return' in line ? [[line.return, { at, answer: line.answer }] as const] : [])),
  )
  const intervals = lines.flatMap((line, begin): Interval<Done>[] => {
    if (!('invoke' in line)) return []
    const came = returns.get(line.invoke)
    return [{ deed: { ...line, answer: came?.answer }, begin, end: came?.at }]
  })
  return isLinearizable(GRANT, intervals)
}

/** Every beginning of a good history is good: so the first bad one is found by halving. */
function shortestBad(lines: readonly Line[]): number {
  let [good, bad] = [0, lines.length]
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (isGood(lines.slice(0, middle))) good = middle
    else bad = middle
  }
  return bad
}

function problemOf(lines: readonly Line[]): string {
  const last = lines.at(-1)
  const begun = lines.find((line) => 'invoke' in line && last && 'return' in last && line.invoke === last.return)
  if (!last || !('return' in last) || !begun || !('invoke' in begun)) return 'the history cannot be read'
  const through = begun.by === undefined ? '' : ` through ${begun.by}`
  const deed = `${begun.does} ${begun.invoke}${through} of grant ${begun.grant} returned "${last.answer}"`
  return `${deed}, and no order of what came before explains it`
}
