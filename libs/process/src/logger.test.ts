import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'
import { Secret } from './secret.ts'

function captured(level: 'info' | 'debug' = 'info') {
  const lines: string[] = []
  const logger = createLogger('peer-registry', { level, destination: { write: (line) => lines.push(line) } })
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') as Record<string, unknown> }
}

test('a line is JSON with the service, the level as a word, an ISO time, the message and its fields', () => {
  const { logger, last } = captured()
  logger.child({ peer_id: 'p1' }).info({ outcome: 'ok', ms: 3 }, 'peer proposed')
  expect(last()).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    service: 'peer-registry',
    peer_id: 'p1',
    outcome: 'ok',
    ms: 3,
    msg: 'peer proposed',
  })
})

test('whatever a field or the message holds, one happening is one line of JSON, and says just that', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('}\n{"level":"fatal"'))
  const some = fc.record({ path: text, ms: fc.nat(), problems: fc.array(text), reason: fc.constant(undefined) }, { requiredKeys: [] }) // prettier-ignore
  fc.assert(
    fc.property(some, some, text, (always, fields, msg) => {
      const { logger, lines, last } = captured()
      logger.child(always).info(fields, msg)
      expect(lines.join('').split('\n')).toEqual([expect.any(String), ''])
      const said = Object.entries({ ...always, ...fields, msg }).filter(([, value]) => value !== undefined)
      expect(last()).toMatchObject(Object.fromEntries(said))
    }),
  )
})

test('lines below the level are not written, and are at that level', () => {
  const quiet = captured('info')
  quiet.logger.debug({}, 'detail')
  expect(quiet.lines).toEqual([])
  const loud = captured('debug')
  loud.logger.debug({}, 'detail')
  expect(loud.lines).toHaveLength(1)
})

test('an error shows its chain of causes, and nothing that a library hung on it', () => {
  const { logger, lines, last } = captured()
  const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (token)=(hunter2)' })
  logger.error({ error: new Error('saving', { cause }) }, 'fault')
  expect(last()['error']).toMatchObject({ message: 'saving', cause: { message: 'duplicate key', code: '23505' } })
  expect(lines.join()).not.toContain('hunter2')
})

test('a secret shows itself to nobody but who asks', () => {
  const password = new Secret('hunter2')
  expect([JSON.stringify({ password }), String(password), inspect({ password })].join()).not.toContain('hunter2')
  expect(password.reveal()).toBe('hunter2')
})
