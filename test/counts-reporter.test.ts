import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

type Run = { readonly last: string | undefined; readonly exit: number | null; readonly failures: readonly string[] }

/** The last line, the exit code and what is noted of a run over these files, each the text of a test file. */
function run(files: Readonly<Record<string, string>>): Run {
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
    const noted = join(dir, 'failures')
    const env = { ...process.env, POWERNODE_COUNTS: '', POWERNODE_FAILURES: noted, FORCE_COLOR: '1' }
    const { stdout, status } = spawnSync(process.execPath, args, { cwd: dir, env, encoding: 'utf8' })
    const failures = existsSync(noted)
      ? readFileSync(noted, 'utf8')
          .trimEnd()
          .split(/\n(?=✗)/)
      : []
    return { last: stdout.trim().split('\n').at(-1), exit: status, failures }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const VITEST = `import { test, expect, beforeAll, describe } from 'vitest'\n`

test('passed, failed and skipped tests are counted as they ended', () => {
  const file = `${VITEST}
    test('good', () => {}); test('bad', () => { expect(1).toBe(2) })
    test.skip('later', () => {}); test.todo('some day')`
  expect(run({ file })).toMatchObject({ last: '1 passed, 1 failed, 2 skipped', exit: 1 })
  const good = `${VITEST} test('good', () => {})`
  expect(run({ file: good })).toEqual({ last: '1 passed, 0 failed', exit: 0, failures: [] })
})

test('tests that never began do not make a run look green', () => {
  const unloadable = `import './missing.ts'`
  const hook = `${VITEST} describe('s', () => { beforeAll(() => { throw new Error('no') }); test('t', () => {}) })`
  const outside = `${VITEST} test('t', () => { void Promise.reject(new Error('lost')) })`
  expect(run({ unloadable })).toMatchObject({
    last: '0 passed, 1 failed',
    exit: 1,
    failures: [expect.stringMatching(/^✗ .*unloadable.test.ts > the file as a whole\n.*missing.ts/)],
  })
  expect(run({ hook })).toMatchObject({
    last: expect.stringMatching(/^0 passed, 1 failed/),
    exit: 1,
    failures: [expect.stringMatching(/^✗ .*hook.test.ts > s\n.*no/)],
  })
  expect(run({ outside })).toMatchObject({
    last: '1 passed, 1 failed',
    exit: 1,
    failures: [expect.stringMatching(/^✗ outside every test\n.*lost/)],
  })
})

test('each failure is told in a few lines: which test of which file, what was said, why, and where', () => {
  const file = `${VITEST}
    const deep = () => { throw new Error('the door is shut', { cause: new Error('no key') }) }
    describe('a story', () => { test('goes in', () => deep()) })
    test('differs', () => { expect({ rows: Array.from({ length: 40 }, (_, at) => at) }).toEqual({ rows: [] }) })
    test('good', () => {})`
  const { last, failures } = run({ file })
  expect(last).toBe('1 passed, 2 failed')
  expect(failures).toEqual([
    expect.stringMatching(
      /^✗ \[.*\] file.test.ts > a story > goes in\n {4}the door is shut\n {4}because: no key\n {4}at deep .*file.test.ts:3/,
    ),
    expect.stringMatching(/^✗ \[.*\] file.test.ts > differs\n {4}expected /),
  ])
  for (const each of failures) expect(each.split('\n').length).toBeLessThan(20)
  expect(failures.join('\n')).not.toContain('\u001b')
})
