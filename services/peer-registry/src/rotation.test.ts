import { expect, test } from 'vitest'
import { checkNobodyLeft, checkStep, STEPS, waitingFor, type Rotation, type RotationStep, type TrustHolder } from './rotation.ts' // prettier-ignore

const ALL = Object.keys(STEPS) as RotationStep[]
const rotation = (said: Partial<Rotation> = {}) => ({ step: 'published', bundleSequence: 5, overridden: [], ...said }) as unknown as Rotation // prettier-ignore
const holder = (said: Partial<TrustHolder>) => ({ holder: 'service/x', name: '', acknowledgedSequence: 5, renewed: true, ...said }) as TrustHolder // prettier-ignore

test('every step that may follow another, and no other', () => {
  const table = ALL.map((from) =>
    [from, ...ALL.map((to) => (STEPS[from].includes(to) ? 'yes' : '-'))]
      .map((word) => word.padEnd(10))
      .join('')
      .trimEnd(),
  )
  expect(table).toEqual([
    //         planned   published switched  retired   cancelled
    'planned   -         yes       -         -         yes',
    'published -         -         yes       -         yes',
    'switched  -         -         -         yes       -',
    'retired   -         -         -         -         -',
    'cancelled -         -         -         -         -',
  ])
})

test('a step that may not follow is refused, and the ones that may are named', () => {
  for (const from of ALL)
    for (const to of ALL)
      if (STEPS[from].includes(to)) checkStep(rotation({ step: from }), to)
      else expect(() => checkStep(rotation({ step: from }), to)).toThrow(`a rotation that is ${from} cannot be ${to}`)
})

test('the switch waits for receipts of that very bundle or a later one; retiring waits for new certificates', () => {
  const holders = [holder({ holder: 'peer/1', acknowledgedSequence: 4 }), holder({ holder: 'peer/2', renewed: false })]
  expect(waitingFor(rotation(), 'switched', holders).map(({ holder }) => holder)).toEqual(['peer/1'])
  expect(waitingFor(rotation(), 'retired', holders).map(({ holder }) => holder)).toEqual(['peer/2'])
})

test('whoever was overridden by name is not waited for, and nobody else is let off', () => {
  const holders = [
    holder({ holder: 'peer/1', acknowledgedSequence: 0 }),
    holder({ holder: 'peer/2', acknowledgedSequence: 0 }),
  ]
  expect(() => checkNobodyLeft(rotation({ overridden: ['peer/1'] }), 'switched', holders)).toThrow(
    '1 of 2 do not hold the new root yet: peer/2',
  )
  checkNobodyLeft(rotation({ overridden: ['peer/1', 'peer/2'] }), 'switched', holders)
})
