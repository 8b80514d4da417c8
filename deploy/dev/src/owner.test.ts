import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimDirectory, commandLineOf, InUse, isAlive } from './owner.ts'

let dir: string
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'powernode-owner-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('a directory has one owner at a time, and giving it back twice takes it from nobody', () => {
  const release = claimDirectory(dir)
  expect(() => claimDirectory(dir)).toThrow(InUse)
  release()
  const again = claimDirectory(dir)
  release()
  expect(() => claimDirectory(dir)).toThrow(`in use by process ${process.pid}`)
  again()
})

test.for([
  ['a process that is gone', { pid: 2 ** 22 - 1, started: '1' }],
  ['a number that is somebody else now', { pid: process.pid, started: 'before' }],
  ['half a line', undefined],
] as const)('a claim by %s is void', ([, claim]) => {
  writeFileSync(join(dir, 'owner.json'), claim === undefined ? '{"pid"' : JSON.stringify(claim))
  claimDirectory(dir)()
})

test('a process is seen, with what was typed to start it', () => {
  expect(isAlive(process.pid)).toBe(true)
  expect(isAlive(2 ** 22 - 1)).toBe(false)
  expect(commandLineOf(process.pid)).toContain('node')
})
