import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventRegistry } from './registry.ts'

const GENERATED = join(import.meta.dirname, 'gen')

test('every message of every events.proto can be announced', () => {
  const files = readdirSync(GENERATED, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('events_pb.ts'),
  )
  const messages = files.flatMap((name) =>
    [...readFileSync(join(GENERATED, name), 'utf8').matchAll(/@generated from message (\S+)/g)].map(([, type]) => type),
  )
  expect(messages.length).toBeGreaterThan(0)
  expect([...eventRegistry].map((type) => type.typeName)).toEqual(expect.arrayContaining([...new Set(messages)]))
})
