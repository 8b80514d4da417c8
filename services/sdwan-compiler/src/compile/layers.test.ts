import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Layers } from './layers.ts'

const changes = fc.array(fc.tuple(fc.nat(300).map(String), fc.option(fc.nat(9), { nil: undefined })), { maxLength: 40 })

test('whatever was changed how often, it is the map that one would have, by id; and those before are as they were', () => {
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 12 }), (steps) => {
      let layers = new Layers<number>()
      const map = new Map<string, number>()
      const before: [Layers<number>, [string, number][]][] = []
      for (const step of steps) {
        layers = layers.after(new Map(step))
        for (const [id, value] of step) {
          if (value === undefined) map.delete(id)
          else map.set(id, value)
        }
        const sorted = [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
        expect([...layers]).toEqual(sorted)
        expect([[...layers.keys()], [...layers.values()]]).toEqual([sorted.map(([id]) => id), sorted.map(([, value]) => value)]) // prettier-ignore
        expect(layers.size).toBe(map.size)
        for (const [id] of step) expect([layers.has(id), layers.get(id)]).toEqual([map.has(id), map.get(id)])
        before.push([layers, sorted])
      }
      for (const [then, entries] of before) expect([...then]).toEqual(entries)
    }),
  )
})
