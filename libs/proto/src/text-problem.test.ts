import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { CreateGrantRequestSchema, UpdateGrantRequestSchema } from './gen/powernode/grant/v1/service_pb.ts'
import { WatchPeersRequestSchema } from './gen/powernode/peer/v1/feed_pb.ts'
import { textProblem } from './text-problem.ts'

const created = (said: object) => textProblem(CreateGrantRequestSchema, create(CreateGrantRequestSchema, said))?.field

test.each([
  ['a field', { remoteSubject: 'a\0' }, 'remote_subject'],
  ['a list', { nodeInstanceIds: ['a', '\0'] }, 'node_instance_ids'],
  ['free form', { metadata: { a: { b: ['x', 'y\0'] } } }, 'metadata'],
  ['a key of free form', { metadata: { a: { 'b\0': 1 } } }, 'metadata'],
])('a NUL is found in %s', (_, said, field) => {
  expect(created(said)).toBe(field)
})

test('a NUL is found in what a message holds, and nothing where there is none', () => {
  const update = create(UpdateGrantRequestSchema, { nodeInstanceIds: { values: ['a', 'b\0'] } })
  expect(textProblem(UpdateGrantRequestSchema, update)?.field).toBe('node_instance_ids')
  expect(created({ remoteSubject: 'a', metadata: { a: null, b: [1, true] }, scopes: ['read'] })).toBeUndefined()
  const ask = create(WatchPeersRequestSchema, { said: { case: 'begin', value: { reader: 'x\0' } } })
  expect(textProblem(WatchPeersRequestSchema, ask)?.field).toBe('begin')
})
