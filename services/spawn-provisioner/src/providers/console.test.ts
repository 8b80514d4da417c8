import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { beginConsole, readConsole, told } from './console.ts'

const lines = (...said: string[]) => said.join('\r\n')

test('a machine runs when its platform serves, and what it said last is its progress', () => {
  const booting = lines(
    '[ 0.1] a word of the kernel',
    'powernode: boot /child',
    'powernode: progress starting: Postgres',
  )
  expect(told(booting)).toMatchObject({ serves: false, progress: 'starting: Postgres' })
  const serving = lines(booting, 'powernode: serving https://127.0.0.1:7443', 'powernode: progress joins its parent')
  expect(told(serving)).toMatchObject({ serves: true, progress: 'joins its parent' })
})

test('what an earlier boot said counts no more', () => {
  const earlier = lines('powernode: boot /child', 'powernode: serving here', 'powernode: progress joined')
  expect(told(lines(earlier, 'powernode: boot /child'))).toMatchObject({ serves: false, progress: '' })
})

test('a machine that is started again does not run before it says so', () => {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-console-'))
  const file = join(dir, 'console.log')
  try {
    writeFileSync(file, lines('powernode: boot /child', 'powernode: serving here', ''))
    expect(readConsole(file).serves).toBe(true)
    beginConsole(file)
    expect(readConsole(file).serves).toBe(false)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('a console that grows without end is cut, and its machine is judged as before', () => {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-console-'))
  const file = join(dir, 'console.log')
  const writer = openSync(file, 'a')
  try {
    const noise = Array.from({ length: 1_000 }, (_, at) => `noise ${at} ${'x'.repeat(1_000)}\n`).join('')
    writeSync(writer, 'powernode: boot /child\npowernode: serving here\npowernode: progress joins its parent\n')
    for (let round = 0; round < 20; round++) {
      writeSync(writer, noise)
      expect(readConsole(file)).toMatchObject({ serves: true, progress: 'joins its parent' })
      expect(statSync(file).size).toBeLessThan(2_000_000)
    }
    writeSync(writer, 'powernode: progress joined\n')
    expect(readConsole(file)).toMatchObject({ serves: true, progress: 'joined' })
    expect(readConsole(file).lines.at(-2)).toContain('noise 999')
  } finally {
    closeSync(writer)
    rmSync(dir, { recursive: true, force: true })
  }
})

test('a console without a word tells nothing, and of a long one the end is shown', () => {
  expect(told('')).toEqual({ serves: false, progress: '', lines: [] })
  const long = told(Array.from({ length: 500 }, (_, at) => `line ${at}`).join('\n'))
  expect(long.lines.at(-1)).toBe('line 499')
  expect(long.lines.length).toBeLessThan(100)
})
