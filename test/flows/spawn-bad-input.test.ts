import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { TestPlatform } from '../mesh.ts'
import { type, typeJson, typeRefused } from './operator-at-keyboard.ts'
import { childOf, CLEAN, isGone, parentPlatform, slateOf, spawn, untilChild } from './spawning.ts'

let a: TestPlatform
beforeAll(async () => {
  a = await parentPlatform('a', {}, { MAX_CHILDREN: '1' })
}, 300_000)
afterAll(() => a?.stop())

describe('what makes no sense is refused before anything is made', () => {
  afterEach(async () => expect(await slateOf(a)).toEqual(CLEAN))

  test.each([
    ['child spawn west-1 --template moon', 'TEMPLATE_NOT_FOUND'],
    ['child spawn west-1 --region moon', 'PROVIDER_REGION_NOT_FOUND'],
    ['child spawn west-1 --type enormous', 'INSTANCE_TYPE_NOT_FOUND'],
    ['child spawn west-1 --token-ttl 10s', 'SPAWN_TTL_OUT_OF_RANGE'],
    ['child spawn west-1 --token-ttl 8d', 'SPAWN_TTL_OUT_OF_RANGE'],
    ['child spawn West_1', 'REQUEST_INVALID'],
    ['child spawn west-1 --parent-url http://a.example', 'URL_INVALID'],
    ['child show nobody', 'CHILD_NOT_FOUND'],
    ['child terminate nobody', 'CHILD_NOT_FOUND'],
    ['child rotate-token nobody', 'CHILD_NOT_FOUND'],
    ['instance show nobody', 'INSTANCE_NOT_FOUND'],
    ['instance terminate nobody', 'INSTANCE_NOT_FOUND'],
    ['template retire moon', 'TEMPLATE_NOT_FOUND'],
    ['template create default', 'SPAWN_RECORD_EXISTS'],
    ['provider delete moon', 'PROVIDER_NOT_FOUND'],
    ['provider create moon --kind rocket', 'PROVIDER_KIND_UNKNOWN'],
    ['provider create here --kind process', 'SPAWN_RECORD_EXISTS'],
  ])('%s: %s', async (line, reason) => {
    const refused = await typeRefused(a, line)
    expect(refused.reason).toBe(reason)
    expect(refused.exit).toBe(reason === 'SPAWN_RECORD_EXISTS' ? 4 : 2)
  })

  test('a mode that is misspelt is answered with those there are', async () => {
    const { exit, err } = await type(a, 'child spawn west-1 --mode manged_child')
    expect([exit, err]).toEqual([2, expect.stringMatching(/managed_child, autonomous_peer, cluster_member/)])
  })

  test('a template that is retired makes no new children', async () => {
    await typeJson(a, 'template create old')
    await typeJson(a, 'template retire old')
    expect(await typeRefused(a, 'child spawn west-1 --template old')).toMatchObject({ reason: 'TEMPLATE_NOT_FOUND' })
  })
})

describe('with a child there that cannot reach its parent', () => {
  beforeAll(async () => {
    // Port 9 (discard): nobody listens there.
    await spawn(a, 'lost', 'managed_child', '--parent-url', 'https://127.0.0.1:9')
  }, 300_000)

  test('a hostname that lives already', async () => {
    expect(await typeRefused(a, 'child spawn lost')).toMatchObject({ reason: 'CHILD_EXISTS' })
  })

  test('more than may live at once', async () => {
    expect(await typeRefused(a, 'child spawn another')).toMatchObject({ reason: 'CHILD_QUOTA_REACHED' })
  })

  test('a provider that still runs something for us is not forgotten', async () => {
    await untilChild(a, 'lost', ({ instance }) => instance !== null)
    expect(await typeRefused(a, 'provider delete here')).toMatchObject({ reason: 'SPAWN_RECORD_IN_USE' })
  })

  test('it says so where the parent looks', async () => {
    const lost = await untilChild(a, 'lost', ({ instance }) => /waits for its parent/.test(instance?.progress ?? ''))
    expect(lost).toMatchObject({ state: 'booting', waiting_on: 'them' })
  })

  test('ended it is gone, and its name is free again', async () => {
    const { id } = await childOf(a, 'lost')
    await typeJson(a, ['child', 'terminate', id, '--reason', 'unreachable'])
    await untilChild(a, id, isGone)
    expect(await slateOf(a)).toEqual(CLEAN)
    await typeJson(a, 'child spawn lost --dry-run')
  })
})
