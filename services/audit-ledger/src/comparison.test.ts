import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Comparison, type Bounds, type ToldCall } from './comparison.ts'

const at = (minute: number): Date => new Date(Date.UTC(2026, 2, 1, 12, minute))
const BOUNDS: Bounds = { since: at(0), until: at(60), toldHere: at(50), toldThere: at(40) }

const told = (side: ToldCall['side'], sequence: number, said: Partial<ToldCall> = {}): ToldCall => ({
  side,
  contentId: 'c1',
  caller: 'us',
  sequence,
  at: at(10),
  allowed: true,
  resource: 'NodeModule/m1',
  ...said,
})

function compare(calls: readonly ToldCall[], bounds = BOUNDS) {
  const comparison = new Comparison(bounds)
  const key = ({ contentId, caller, side, sequence }: ToldCall) =>
    `${contentId ?? '\u{10ffff}'} ${caller} ${side} ${String(sequence).padStart(9, '0')}`
  for (const call of calls.toSorted((one, other) => (key(one) < key(other) ? -1 : 1))) comparison.take(call)
  comparison.end()
  const counts = Object.fromEntries(Object.entries(comparison.counts).filter(([, count]) => count > 0))
  return { counts, differences: comparison.takeDifferences(), openSince: comparison.openSince }
}

const here = (n: number, said?: Partial<ToldCall>) => told('here', n, said)
const there = (n: number, said?: Partial<ToldCall>) => told('there', n, said)
const left = (n: number, said?: Partial<ToldCall>) => told('here', n, { allowed: null, ...said })

test.each<[string, ToldCall[], object]>([
  ['both told it alike', [here(1), there(7)], { matched: 1 }],
  ['only we told it', [here(1)], { missing_there: 1 }],
  ['only they told it', [there(7)], { missing_here: 1 }],
  ['about another resource', [here(1), there(7, { resource: 'NodeModule/m2' })], { differing: 1 }],
  ['allowed, says its caller, and its callee refused', [here(1), there(7, { allowed: false })], { differing: 1 }],
  ['refused, says its caller, and its callee allowed it', [here(1, { allowed: false }), there(7)], { matched: 1 }],
  ['refused on both sides', [here(1, { allowed: false }), there(7, { allowed: false })], { matched: 1 }],
  ['their call, which they say we allowed, and we refused', [here(1, { caller: 'them', allowed: false }), there(7, { caller: 'them' })], { differing: 1 }], // prettier-ignore
  [
    'both say that they were the caller',
    [here(1), there(7, { caller: 'them' })],
    { missing_here: 1, missing_there: 1 },
  ],
  ['we did not send it', [here(1, { allowed: false })], { unsent: 1 }],
  ['they did not send it', [there(7, { caller: 'them', allowed: false })], { unsent: 1 }],
  ['they say we called and were refused, and we know nothing', [there(7, { allowed: false })], { missing_here: 1 }],
  ['told twice here', [here(1), here(2), there(7)], { matched: 1, repeated: 1 }],
  ['told twice on both sides', [here(1), here(2), there(7), there(9)], { matched: 2 }],
  ['too fresh there', [here(1, { at: at(45) })], { pending: 1 }],
  ['too fresh here', [there(7, { at: at(55) })], { pending: 1 }],
  ['fresh there, but we have told all of that', [there(7, { at: at(45) })], { missing_here: 1 }],
  ['outside of the window', [here(1, { at: at(-1) })], {}],
  ['at the edge of the window, and the other side beyond it', [here(1, { at: at(0) }), there(7, { at: at(-1) })], { matched: 1 }], // prettier-ignore
  ['without a content id', [here(1, { contentId: null }), there(7, { contentId: null })], { uncompared: 2 }],
  ['it left and came to an end, and was met', [left(1), here(2), there(7)], { matched: 1 }],
  ['it left, was refused, and was met', [left(1), here(2, { allowed: false }), there(7)], { matched: 1 }],
  ['it left, and the one who met it decided nothing', [left(1), here(2, { allowed: false })], { unsent: 1 }],
  ['it left and was allowed, they say not that it came', [left(1), here(2)], { missing_there: 1 }],
  ['it left, and nobody knows what came of it', [left(1)], { unsent: 1 }],
  ['it left a moment ago', [left(1, { at: at(45) })], { pending: 1 }],
  ['it left, what came of it was lost, and they met it', [left(1), there(7)], { matched: 1 }],
  ['it left twice and was met twice', [left(1), left(2), here(3), there(7, { allowed: false }), there(8)], { matched: 1 }], // prettier-ignore
  ['it left twice and was met once', [left(1), left(2), here(3), there(8)], { matched: 1 }],
  ['it left once and was met twice', [left(1), here(2), there(7, { allowed: false }), there(8)], { matched: 1, repeated: 1 }], // prettier-ignore
  ['it left twice and was met once for something else', [left(1), left(2), here(3), there(7, { resource: 'NodeModule/m2' }), there(8)], { matched: 1, repeated: 1 }], // prettier-ignore
  ['their call left twice, and we met it three times', [here(1, { caller: 'them' }), here(2, { caller: 'them' }), here(3, { caller: 'them' }), left(7, { side: 'there', caller: 'them' }), left(8, { side: 'there', caller: 'them' }), there(9, { caller: 'them' })], { matched: 1, repeated: 1 }], // prettier-ignore
  ['the one who was called says that it left', [here(1), left(7, { side: 'there' })], { missing_there: 1 }],
])('%s', (_, calls, counts) => {
  expect(compare(calls).counts).toEqual(counts)
})

test('a difference names the place on each side where there is one', () => {
  const { differences } = compare([
    here(1),
    here(2),
    there(7),
    there(8, { contentId: 'c2' }),
    here(4, { contentId: 'c3' }),
  ])
  expect(differences).toMatchObject([
    { kind: 'repeated', contentId: 'c1', sequence: 2, remoteSequence: 7 },
    { kind: 'missing_here', contentId: 'c2', sequence: undefined, remoteSequence: 8 },
    { kind: 'missing_there', contentId: 'c3', sequence: 4, remoteSequence: undefined },
  ])
  expect(differences[2]?.detail).toBe('here a call of ours for NodeModule/m1 was allowed at 2026-03-01T12:10:00.000Z')
})

test('what is left open is looked at again from its first moment', () => {
  expect(compare([here(1, { at: at(48) }), here(2, { contentId: 'c2', at: at(44) })]).openSince).toEqual(at(44))
})

test('one that repeats a call without end is counted, and takes no memory', () => {
  const { counts, differences } = compare([here(1), ...Array.from({ length: 10_000 }, (_, n) => there(n))])
  expect(counts).toEqual({ matched: 1, repeated: 9_999 })
  expect(differences.length).toBeLessThan(300)
})

test('no told call is counted twice, and none of what came of calls is left out; the two sides can be exchanged', () => {
  const call = fc.record({
    side: fc.constantFrom('here', 'there'),
    contentId: fc.constantFrom('c1', 'c2', 'c3', 'c4'),
    caller: fc.constantFrom('us', 'them'),
    sequence: fc.nat(1_000),
    at: fc.constant(at(10)),
    allowed: fc.constantFrom(true, false, null),
    resource: fc.constantFrom('a', 'b'),
  })
  const mirrored = ({ side, caller, ...rest }: ToldCall): ToldCall => ({
    ...rest,
    side: side === 'here' ? 'there' : 'here',
    caller: caller === 'us' ? 'them' : 'us',
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(call as fc.Arbitrary<ToldCall>, { selector: ({ side, sequence }) => `${side}${sequence}` }),
      (calls) => {
        const { counts } = compare(calls)
        const { matched = 0, differing = 0, ...alone } = counts
        const sum = Object.values(alone).reduce((all, count) => all + count, 0)
        expect(2 * (matched + differing) + sum).toBeLessThanOrEqual(calls.length)
        const ended = calls.filter(({ allowed }) => allowed !== null)
        if (ended.length === calls.length) expect(2 * (matched + differing) + sum).toBe(calls.length)
        const other = compare(calls.map(mirrored)).counts
        expect({ ...other, missing_here: other['missing_there'], missing_there: other['missing_here'] }).toEqual({
          ...counts,
          missing_here: counts['missing_here'],
          missing_there: counts['missing_there'],
        })
      },
    ),
  )
})
