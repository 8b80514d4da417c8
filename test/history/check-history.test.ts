import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allowedAfterRevoked, checkHistory } from './check-history.ts'
import { readHistory, type Answer, type Deed, type Line } from './history.ts'
import { simulated } from './simulate.ts'

const written = (folder: string): [string, Line[]][] =>
  readdirSync(new URL(folder, import.meta.url)).map((name) => [
    name.replace('.jsonl', ''),
    readHistory(new URL(`${folder}${name}`, import.meta.url)),
  ])

describe('histories that are right', () => {
  test.each(written('right/'))('%s', (_, lines) => {
    expect(checkHistory(lines)).toMatchObject({ ok: true })
  })
})

describe('histories that are wrong', () => {
  test.each(written('wrong/'))('%s', (_, lines) => {
    expect(checkHistory(lines).ok).toBe(false)
  })

  test('are told of with the first line that cannot be true, and with what led to it', () => {
    const lines = readHistory(new URL('wrong/allowed-again-after-it-was-denied.jsonl', import.meta.url))
    expect(checkHistory(lines)).toEqual({
      ok: false,
      grant: 'g',
      problem: 'check 4 through gateway-2 of grant g returned "allowed", and no order of what came before explains it',
      lines: lines.slice(0, -1),
    })
  })

  test('are no histories at all when something returns that was never begun', () => {
    expect(() => checkHistory([{ return: 1, answer: 'done' }])).toThrow('never begun')
  })
})

test('what was allowed after a revocation returned is counted', () => {
  const count = (name: string) => allowedAfterRevoked(readHistory(new URL(name, import.meta.url)))
  expect(count('wrong/allowed-after-revoke-returned.jsonl')).toBe(1)
  expect(count('wrong/slow-check-begun-before-the-revocation-returned-is-no-excuse-for-the-next.jsonl')).toBe(1)
  expect(count('wrong/allowed-again-after-it-was-denied.jsonl')).toBe(0)
  for (const [, lines] of written('right/')) expect(allowedAfterRevoked(lines)).toBe(0)
})

describe('a platform that keeps its promise', () => {
  test('always has a good history, with any number of callers, gateways that say nothing, and lost answers', () => {
    fc.assert(
      fc.property(simulated, (lines) => {
        expect(checkHistory(lines)).toMatchObject({ ok: true })
        expect(allowedAfterRevoked(lines)).toBe(0)
      }),
      { numRuns: 1000 },
    )
  })

  test('has a bad one as soon as somebody is let in after a revocation returned', () => {
    let tried = 0
    fc.assert(
      fc.property(simulated, fc.nat(), (lines, place) => {
        const returned = lines.flatMap((line, at) => (isDone(lines, line, 'revoke') ? [at + 1] : []))
        const [first] = returned
        if (first === undefined) return
        const at = first + (place % (lines.length - first + 1))
        const grant = grantOf(lines, lines[first - 1] as Line)
        // Only where the grant was there to be revoked: of a grant that is issued later, nothing can be said.
        if (!isIssuedBefore(lines, grant, first)) return
        const bad = lines.toSpliced(at, 0, ...call({ grant, does: 'check' }, 'allowed'))
        expect(checkHistory(bad).ok).toBe(false)
        tried++
      }),
      { numRuns: 2000 },
    )
    expect(tried).toBeGreaterThan(100)
  })

  test('has a bad one as soon as somebody is let in after another was told that it is over', () => {
    let tried = 0
    fc.assert(
      fc.property(simulated, fc.nat(), (lines, place) => {
        const told = lines.findIndex((line) => 'return' in line && line.answer === 'denied' && isIssuedBefore(lines, grantOf(lines, line), begunAt(lines, line))) // prettier-ignore
        if (told < 0) return
        const grant = grantOf(lines, lines[told] as Line)
        const at = told + 1 + (place % (lines.length - told))
        expect(checkHistory(lines.toSpliced(at, 0, ...call({ grant, does: 'check' }, 'allowed'))).ok).toBe(false)
        tried++
      }),
      { numRuns: 2000 },
    )
    expect(tried).toBeGreaterThan(100)
  })

  test('has a bad one as soon as somebody is told it is over before anybody began to revoke', () => {
    let tried = 0
    fc.assert(
      fc.property(simulated, fc.nat(), (lines, place) => {
        const issued = lines.findIndex((line) => isDone(lines, line, 'issue'))
        if (issued < 0) return
        const grant = grantOf(lines, lines[issued] as Line)
        const end = lines.findIndex((line) => 'does' in line && line.does === 'revoke' && line.grant === grant)
        const last = end < 0 ? lines.length : end
        if (last <= issued) return
        const at = issued + 1 + (place % (last - issued))
        expect(checkHistory(lines.toSpliced(at, 0, ...call({ grant, does: 'check' }, 'denied'))).ok).toBe(false)
        tried++
      }),
      { numRuns: 2000 },
    )
    expect(tried).toBeGreaterThan(100)
  })
})

test('the search says what trying every order says', () => {
  const verdicts = { good: 0, bad: 0 }
  fc.assert(
    fc.property(anything(), (lines) => {
      const expected = byTryingEverything(lines)
      expect(checkHistory(lines).ok).toBe(expected)
      verdicts[expected ? 'good' : 'bad']++
    }),
    { numRuns: 3000 },
  )
  expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(300)
})

test('a hundred thousand checks by fifty callers are looked through while one waits', () => {
  expect(checkHistory(busy(100_000))).toEqual({ ok: true, grants: 1, checks: 100_000 })
})

test('one wrong check among ten thousand is found', () => {
  expect(checkHistory([...busy(10_000), ...call({ grant: 'g', does: 'check' }, 'allowed')])).toMatchObject({
    ok: false,
    problem: expect.stringContaining('returned "allowed"'),
  })
})

test('a dozen revocations at once are not tried in all their orders: what was tried is remembered', () => {
  const revocations = Array.from({ length: 12 }, (_, index) => REVOKE + index)
  const lines: Line[] = [
    ...call({ grant: 'g', does: 'issue' }, 'done'),
    ...revocations.map((number): Line => ({ invoke: number, grant: 'g', does: 'revoke' })),
    ...call({ grant: 'g', does: 'check' }, 'denied'),
    ...call({ grant: 'g', does: 'check' }, 'allowed'),
    ...revocations.map((number): Line => ({ return: number, answer: 'done' })),
  ]
  expect(checkHistory(lines).ok).toBe(false)
})

/** Fifty callers who check without a pause; in the middle somebody revokes. */
function busy(checks: number): Line[] {
  const lines = call({ grant: 'g', does: 'issue' }, 'done')
  const open: number[] = []
  for (let check = 0; check < checks; check++) {
    if (check === checks / 2) lines.push({ invoke: REVOKE, grant: 'g', does: 'revoke' })
    if (check === checks / 2 + 200) lines.push({ return: REVOKE, answer: 'done' })
    lines.push({ invoke: check, grant: 'g', does: 'check' })
    open.push(check)
    if (open.length === 50)
      lines.push({ return: open.shift() ?? 0, answer: check < checks / 2 + 100 ? 'allowed' : 'denied' })
  }
  return lines
}

const REVOKE = 1_000_000
let added = 2_000_000
function call(deed: Deed, answer: Answer): Line[] {
  const number = ++added
  return [
    { invoke: number, ...deed },
    { return: number, answer },
  ]
}

const begunAt = (lines: readonly Line[], line: Line): number =>
  lines.findIndex((other) => 'invoke' in other && 'return' in line && other.invoke === line.return)

function deedOf(lines: readonly Line[], line: Line): Deed {
  const begun = 'invoke' in line ? line : lines[begunAt(lines, line)]
  if (!begun || !('grant' in begun)) throw new Error('returned and never begun')
  return begun
}

const grantOf = (lines: readonly Line[], line: Line): string => deedOf(lines, line).grant

const isDone = (lines: readonly Line[], line: Line, does: Deed['does']): boolean =>
  'return' in line && line.answer === 'done' && deedOf(lines, line).does === does

const isIssuedBefore = (lines: readonly Line[], grant: string, at: number): boolean =>
  lines.slice(0, at).some((line) => isDone(lines, line, 'issue') && grantOf(lines, line) === grant)

/** Up to six deeds on one grant that overlap anyhow and answer anything. */
function anything(): fc.Arbitrary<Line[]> {
  const deed = fc.oneof(
    fc.record({ does: fc.constant('issue' as const), answer: fc.constantFrom<Answer | undefined>('done', 'done', 'refused', undefined) }), // prettier-ignore
    fc.record({ does: fc.constant('revoke' as const), answer: fc.constantFrom<Answer | undefined>('done', 'done', 'refused', undefined) }), // prettier-ignore
    fc.record({ does: fc.constant('check' as const), answer: fc.constantFrom<Answer | undefined>('allowed', 'denied', 'undecided', undefined) }), // prettier-ignore
  )
  const timed = fc.tuple(deed, fc.nat(20), fc.nat(8))
  return fc.array(timed, { minLength: 1, maxLength: 6 }).map((deeds) =>
    deeds
      .flatMap(([{ does, answer }, begin, length], number): { at: number; line: Line }[] => [
        { at: begin, line: { invoke: number, grant: 'g', does } },
        ...(answer === undefined ? [] : [{ at: begin + length + 0.5, line: { return: number, answer } }]),
      ])
      .sort((a, b) => a.at - b.at)
      .map(({ line }) => line),
  )
}

/** Linearizability by its definition: some order of some of the open deeds and all that ended, in which all is true. */
function byTryingEverything(lines: readonly Line[]): boolean {
  const deeds = lines.flatMap((line, begin) => {
    if (!('invoke' in line)) return []
    const end = lines.findIndex((other) => 'return' in other && other.return === line.invoke)
    const came = lines[end]
    return [{ does: line.does, begin, end: end < 0 ? Infinity : end, answer: came && 'return' in came ? came.answer : undefined }] // prettier-ignore
  })
  const tryFrom = (left: typeof deeds, state: 'absent' | 'live' | 'revoked'): boolean => {
    if (left.every(({ end }) => end === Infinity)) return true
    return left.some((deed) => {
      if (left.some((other) => other !== deed && other.end < deed.begin)) return false
      const rest = left.filter((other) => other !== deed)
      const { does, answer } = deed
      if (answer === 'refused' || answer === 'undecided') return tryFrom(rest, state)
      if (does === 'issue') return state === 'absent' && tryFrom(rest, 'live')
      if (does === 'revoke') return state !== 'absent' && tryFrom(rest, 'revoked')
      return (answer === undefined || (answer === 'allowed') === (state === 'live')) && tryFrom(rest, state)
    })
  }
  return tryFrom(deeds, 'absent')
}
