import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findContext } from './context.ts'
import type { Environment } from './environment.ts'
import { factsOf } from './problem.ts'
import { testEnvironment } from './testing/test-environment.ts'

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'fedctl-context-'))
})
afterEach(() => rmSync(base, { recursive: true }))

const A = { name: 'a', trustDomain: 'a.test', identityDir: 'admin', services: { 'peer-registry': '127.0.0.1:7001' } }

function place(path: string, content: unknown = A): string {
  const file = join(base, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const standingIn = (path: string, more: Partial<Environment> = {}): Environment =>
  testEnvironment({ cwd: join(base, path), home: join(base, 'config'), ...more })

test('a name is found in the project we stand in, from any folder of it', () => {
  const file = place('project/.data/a/fedctl.json')
  mkdirSync(join(base, 'project/services'), { recursive: true })
  const context = findContext('a', standingIn('project/services'))
  expect(context).toMatchObject({ name: 'a', file, identityDir: join(dirname(file), 'admin') })
})

test('a name is found among the contexts of the user, a path is taken as it is', () => {
  place('config/fedctl/contexts/prod.json', { ...A, name: 'prod', identityDir: '/etc/powernode/admin' })
  expect(findContext('prod', standingIn('.')).identityDir).toBe('/etc/powernode/admin')
  expect(findContext(place('elsewhere/x.json'), standingIn('.')).name).toBe('a')
})

test('FEDCTL_CONTEXT stands in for --context, and --context wins', () => {
  place('config/fedctl/contexts/a.json')
  place('config/fedctl/contexts/b.json', { ...A, name: 'b' })
  expect(findContext(undefined, standingIn('.', { context: 'b' })).name).toBe('b')
  expect(findContext('a', standingIn('.', { context: 'b' })).name).toBe('a')
})

test('the only context there is needs no name; of several one must be named', () => {
  place('config/fedctl/contexts/a.json')
  expect(findContext(undefined, standingIn('.')).name).toBe('a')
  place('config/fedctl/contexts/b.json', { ...A, name: 'b' })
  expect(problem(() => findContext(undefined, standingIn('.')))).toMatchObject({
    reason: 'CONTEXT',
    exitCode: 2,
    next: '--context a|b, or set FEDCTL_CONTEXT',
  })
})

test('a context that is unknown, unreadable or incomplete says what is wrong with it', () => {
  place('config/fedctl/contexts/torn.json', '{"name":')
  place('config/fedctl/contexts/half.json', { name: 'half', services: { liveness: 'nowhere' } })
  expect(problem(() => findContext('nope', standingIn('.'))).message).toBe('there is no context "nope"')
  expect(problem(() => findContext('torn', standingIn('.'))).message).toMatch(/torn\.json is not JSON/)
  expect(problem(() => findContext('half', standingIn('.'))).message).toMatch(/trustDomain.*must be host:port/)
})

function problem(act: () => unknown) {
  try {
    act()
  } catch (error) {
    return factsOf(error)
  }
  throw new Error('no problem was found')
}
