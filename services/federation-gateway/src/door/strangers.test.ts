import { expect, test } from 'vitest'
import { sourceOf } from './sources.ts'
import { Strangers } from './strangers.ts'

function crowd(limits: { perSource: number; total: number }) {
  const sentAway: string[] = []
  const strangers = new Strangers(limits)
  return {
    sentAway,
    strangers,
    enter: (source: string, name: string) => strangers.enter(source, () => sentAway.push(name)),
  }
}

test('the one who has been silent longest makes room, among those of its own source', () => {
  const { enter, sentAway } = crowd({ perSource: 2, total: 10 })
  enter('x', 'x1')
  enter('y', 'y1')
  enter('x', 'x2')
  enter('x', 'x3')
  expect(sentAway).toEqual(['x1'])
})

test('whoever has spoken stays while somebody is silent', () => {
  const { enter, sentAway } = crowd({ perSource: 2, total: 10 })
  enter('x', 'speaks').spoke()
  enter('x', 'silent')
  enter('x', 'new')
  expect(sentAway).toEqual(['silent'])
})

test('when the door is full, anybody may have to go, the silent first', () => {
  const { enter, sentAway } = crowd({ perSource: 10, total: 3 })
  enter('x', 'speaks').spoke()
  enter('y', 'silent')
  enter('z', 'newer')
  enter('w', 'new')
  expect(sentAway).toEqual(['silent'])
})

test('who left takes no room, and leaving or speaking late does no harm', () => {
  const { enter, sentAway, strangers } = crowd({ perSource: 1, total: 1 })
  const first = enter('x', 'first')
  first.leave()
  first.spoke()
  first.leave()
  enter('x', 'second')
  expect(sentAway).toEqual([])
  expect(strangers.size).toBe(1)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  [undefined, 'unknown'],
  ['not an address', 'unknown'],
])('%s is counted as %s', (address, source) => {
  expect(sourceOf(address)).toBe(source)
})
