import { expect, test } from 'vitest'
import { bigMember, bigWorld } from '../../compile/testing/big-world.ts'
import { compile } from '../../compile/compile.ts'
import { mustIp } from '../address.ts'
import { Groups } from './groups.ts'
import { readScript } from './script.ts'

const address = (n: number): string => `fd00::${n.toString(16)}`
const addresses = Array.from({ length: 40 }, (_, n) => address(n + 1))
/** Every n-th of them, from one on. */
const some = (from: number, step: number): readonly string[] => addresses.filter((_, n) => n >= from && n % step === 0)

test('tables that follow from one another know of every address what one made anew does', () => {
  const elements = (turn: number): ReadonlyMap<string, readonly string[]> =>
    new Map([
      ['@one', some(turn, 2)],
      ['@two', some(0, (turn % 5) + 1)],
      ['fd00::/124', ['fd00::/124']],
    ])
  let groups = new Groups(elements(0))
  for (let turn = 1; turn < 30; turn += 1) {
    for (const each of addresses) groups.kindOf(mustIp(each))
    const next = groups.changedTo(elements(turn))
    if (!next) throw new Error('single addresses moved')
    groups = next
    const anew = new Groups(elements(turn))
    expect(addresses.map((each) => groups.kindOf(mustIp(each)))).toEqual(
      addresses.map((each) => anew.kindOf(mustIp(each))),
    )
  }
})

test('a set of whole prefixes that changes is read anew', () => {
  const groups = new Groups(new Map([['@theirs', ['fd00::/64']]]))
  expect(groups.changedTo(new Map([['@theirs', ['fd00::/64', 'fd01::/64']]]))).toBeUndefined()
})

test('a table reads the same by blocks as in one piece, and what did not change is the very same', () => {
  const world = bigWorld({ members: 400, hubs: 2, topology: 'hub_and_spoke' })
  const scriptOf = (extra: number): string => {
    const members = [...world.members, ...Array.from({ length: extra }, (_, at) => bigMember(500 + at, false))]
    return (
      compile({ ...world, members })
        .nodes.values()
        .next().value?.nftables ?? ''
    )
  }
  const [before, after] = [scriptOf(0), scriptOf(1)].map((text) => readScript(text))
  // A blank line at its end is nothing that blocks are told by.
  expect(after).toEqual(readScript(`${scriptOf(1)}\n`))
  const isKept = [...(after?.chains ?? [])].filter(([name, chain]) => before?.chains.get(name) === chain)
  expect(isKept.length).toBeGreaterThan(0)
})
