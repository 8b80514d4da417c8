import type { JsonObject } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { createLogger } from '@powernode/process'
import { describe, expect, test } from 'vitest'
import { KIND_NAMES, KINDS } from '../providers/kinds.ts'
import { OpenProviders } from './open-providers.ts'

const config = {
  stateDir: '/nowhere',
  cacheDir: '/nowhere',
  endsWithPid: undefined,
  providerKinds: KIND_NAMES,
  childEnvironment: {},
}
const logger = createLogger('test', { level: 'silent' })
const opened = (kind: string, said: JsonObject) =>
  new OpenProviders({ clock: new FakeClock(), logger, config }, KINDS).of({ id: kind, name: kind, kind, config: said, revision: 1 }) // prettier-ignore

describe.each(KIND_NAMES)('a provider of the kind %s', (kind) => {
  test('may be limited to some instances', () => {
    expect(opened(kind, { max_instances: 3 }).kind).toBe(kind)
    expect(opened(kind, { max_instances: 0 }).kind).toBe(kind)
  })

  test.each([-1, 1.5, '3', null, true])('is not limited to %j instances', (max) => {
    expect(() => opened(kind, { max_instances: max })).toThrow('max_instances is a whole number from 0 on')
  })

  test('does not take what it does not know', () => {
    expect(() => opened(kind, { max_instance: 3 })).toThrow('max_instance')
  })
})
