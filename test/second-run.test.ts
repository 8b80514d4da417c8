import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const IMPORTS = `import { existsSync, writeFileSync } from 'node:fs'\nimport { test, expect } from 'vitest'\n`

let dir: string
beforeEach(() => {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  dir = mkdtempSync(join(ROOT, '.cache', 'second-run-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

/** A test that fails until it has been run before. */
const seldom = (name: string) => `${IMPORTS}
  test('seldom', () => {
    const ran = ${JSON.stringify(join(dir, `${name}-ran`))}
    const before = existsSync(ran)
    writeFileSync(ran, '')
    expect(before).toBe(true)
  })
  test('good', () => {})`

/** As `npm test` runs these files: all that it said, its exit code, and what it noted. */
function run(files: Readonly<Record<string, string>>, CI: string) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, `${name}.test.ts`), text)
  const config = join(dir, 'vitest.config.ts')
  writeFileSync(config, `export default { root: ${JSON.stringify(dir)}, test: { include: ['*.test.ts'] } }`)
  const noted = join(dir, 'failures')
  writeFileSync(noted, '')
  const env = { ...process.env, CI, POWERNODE_FAILURES: noted, FORCE_COLOR: '0' }
  const args = [join(ROOT, 'test', 'run-tests.ts'), '--config', config, '--root', dir]
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: dir, env, encoding: 'utf8' })
  const lines = stdout.trim().split('\n')
  return { last: lines.at(-1), exit: status, said: stdout, noted: readFileSync(noted, 'utf8') }
}

test('in CI a file that failed is run once more, and what failed at first is told all the same', () => {
  const { last, exit, said, noted } = run({ seldom: seldom('a') }, 'true')
  expect({ last, exit }).toEqual({ last: '2 passed, 0 failed', exit: 0 })
  for (const text of [said, noted])
    expect(text).toMatch(/↻ failed the first time: .*seldom.test.ts > seldom\n.*expected/)
})

test('what fails again has failed', () => {
  const bad = `${IMPORTS} test('bad', () => expect(1).toBe(2))`
  const { last, exit, noted } = run({ bad, seldom: seldom('a') }, 'true')
  expect({ last, exit }).toEqual({ last: '2 passed, 1 failed', exit: 1 })
  expect(noted).toMatch(/^✗ .*bad.test.ts > bad/m)
})

test('elsewhere there is one run', () => {
  expect(run({ seldom: seldom('a') }, '').last).toBe('1 passed, 1 failed')
})

test('where more files failed than a busy machine would explain, there is one run', () => {
  const many = Object.fromEntries(['b', 'c', 'd', 'e', 'f', 'g'].map((name) => [name, seldom(name)]))
  expect(run(many, 'true').last).toBe('6 passed, 6 failed')
})

test('where an error was outside every test, nothing is tried again', () => {
  const outside = `${seldom('a').replace(`'good', () => {`, `'good', () => { void lose()`)}
    async function lose() {
      const lost = ${JSON.stringify(join(dir, 'lost'))}
      if (existsSync(lost)) return
      writeFileSync(lost, '')
      throw new Error('lost')
    }`
  expect(run({ outside }, 'true')).toMatchObject({ last: '1 passed, 2 failed', exit: 1 })
})
