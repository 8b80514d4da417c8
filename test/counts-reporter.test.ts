import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

/** The last line and the exit code of a run over these files, each the text of a test file. */
function run(files: Readonly<Record<string, string>>): { last: string | undefined; exit: number | null } {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const dir = mkdtempSync(join(ROOT, '.cache', 'counts-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, `${name}.test.ts`), text)
    const reporter = JSON.stringify(join(ROOT, 'test', 'counts-reporter.ts'))
    writeFileSync(
      join(dir, 'vitest.config.ts'),
      `import { CountsReporter } from ${reporter}
       export default { root: ${JSON.stringify(dir)}, test: { include: ['*.test.ts'], reporters: [new CountsReporter()] } }`,
    )
    const args = [join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--config', join(dir, 'vitest.config.ts')]
    const env = { ...process.env, POWERNODE_COUNTS: '' }
    const { stdout, status } = spawnSync(process.execPath, args, { cwd: dir, env, encoding: 'utf8' })
    return { last: stdout.trim().split('\n').at(-1), exit: status }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const VITEST = `import { test, expect, beforeAll, describe } from 'vitest'\n`

test('passed, failed and skipped tests are counted as they ended', () => {
  const file = `${VITEST}
    test('good', () => {}); test('bad', () => { expect(1).toBe(2) })
    test.skip('later', () => {}); test.todo('some day')`
  expect(run({ file })).toEqual({ last: '1 passed, 1 failed, 2 skipped', exit: 1 })
  expect(run({ file: `${VITEST} test('good', () => {})` })).toEqual({ last: '1 passed, 0 failed', exit: 0 })
})

test('tests that never began do not make a run look green', () => {
  const unloadable = `import './missing.ts'`
  const hook = `${VITEST} describe('s', () => { beforeAll(() => { throw new Error('no') }); test('t', () => {}) })`
  const outside = `${VITEST} test('t', () => { void Promise.reject(new Error('lost')) })`
  expect(run({ unloadable })).toEqual({ last: '0 passed, 1 failed', exit: 1 })
  expect(run({ hook })).toMatchObject({ last: expect.stringMatching(/^0 passed, 1 failed/), exit: 1 })
  expect(run({ outside })).toMatchObject({ last: '1 passed, 1 failed', exit: 1 })
})
