import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Schedule } from './schedule.ts'

const id = fc.constantFrom(...'abcdefgh')
const act = fc.oneof(
  fc.record({ do: fc.constant('plan' as const), id, at: fc.nat(100) }),
  fc.record({ do: fc.constant('forget' as const), id }),
  fc.record({ do: fc.constant('take' as const), now: fc.nat(100) }),
)

test('whatever is planned, replanned and forgotten, the earliest that is due comes first, and each once', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
      const schedule = new Schedule()
      const model = new Map<string, number>()
      for (const one of acts) {
        if (one.do === 'plan') {
          schedule.plan(one.id, new Date(one.at))
          model.set(one.id, one.at)
        } else if (one.do === 'forget') {
          schedule.forget(one.id)
          model.delete(one.id)
        } else {
          const first = Math.min(...model.values())
          const taken = schedule.take(new Date(one.now))
          if (first <= one.now) {
            expect(model.get(taken!)).toBe(first)
            model.delete(taken!)
          } else expect(taken).toBeUndefined()
        }
        expect(schedule.size).toBe(model.size)
        expect(schedule.nextAt()?.getTime()).toBe(model.size > 0 ? Math.min(...model.values()) : undefined)
        for (const [known, at] of model) expect(schedule.dueAt(known)?.getTime()).toBe(at)
      }
    }),
  )
})
