import { create } from '@bufbuild/protobuf'
import { NodeStateSchema } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { expect, test } from 'vitest'
import { withKeptKeys } from './with-kept-keys.ts'

const stateOf = (...interfaces: object[]) => create(NodeStateSchema, { interfaces })

test('of what is withheld a node goes on with its own keys: of that interface and that peer, and of nobody else', () => {
  const kept = stateOf(
    { name: 'wg-a', preshared: { one: 'k1', two: 'k2', gone: 'k3' } },
    { name: 'wg-b', preshared: { three: 'k4' } },
  )
  const said = stateOf(
    { name: 'wg-a', preshared: { two: 'newer' }, withheld: ['one', 'two', 'three', 'constructor'] },
    { name: 'wg-b', preshared: { three: 'newest' } },
    { name: 'wg-c', withheld: ['one'] },
  )
  expect(withKeptKeys(said, kept).interfaces.map(({ preshared }) => preshared)).toEqual([
    { one: 'k1', two: 'newer' },
    { three: 'newest' },
    {},
  ])
  expect(withKeptKeys(said, undefined)).toEqual(said)
  expect(withKeptKeys(kept, said), 'a whole state is taken as it is').toBe(kept)
})
