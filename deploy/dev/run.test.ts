import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isAlive } from './src/owner.ts'

const RUN = join(import.meta.dirname, 'run.mjs')
let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'powernode-run-'))
})
afterAll(() => rmSync(dir, { recursive: true }))

/** Runs a TypeScript program through run.mjs as a machine with a bare environment would. */
function start(program: string, args: readonly string[] = [], via: readonly string[] = []) {
  const script = join(mkdtempSync(join(dir, 'program-')), 'program.ts')
  writeFileSync(script, program)
  const words = [...via, process.execPath, RUN, script, ...args]
  const env = { HOME: dir, PATH: '/usr/bin:/bin:/usr/sbin:/sbin' }
  const child = spawn(words[0] ?? '', words.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const ended = new Promise<number | null>((done) => child.on('close', done))
  return { child, ended, said: () => said }
}

test('passes arguments, output and exit code on, and prints nothing of its own', async () => {
  const { ended, said } = start(
    `const words: string[] = process.argv.slice(2); console.log(JSON.stringify(words)); process.exitCode = 7`,
    ['a b', '--once', ''],
  )
  expect(await ended).toBe(7)
  expect(said()).toBe('["a b","--once",""]\n')
})

test('the program finds the pinned tools first, and a place for compiled code', async () => {
  const { ended, said } = start(
    `console.log(process.env.PATH?.split(':')[0], process.env.NODE_COMPILE_CACHE, process.versions.node)`,
  )
  expect(await ended).toBe(0)
  expect(said()).toMatch(/node_modules\/\.bin \S+\/\.cache\/compile (2[4-9]|[3-9]\d)\./)
})

test('hands a signal to the program, once', async () => {
  const { child, ended, said } = start(`
    let count = 0
    process.on('SIGINT', () => { count += 1; setTimeout(() => process.exit(count), 400) })
    setInterval(() => undefined, 1000)
    console.log('ready')`)
  await expect.poll(said).toContain('ready')
  child.kill('SIGINT')
  child.kill('SIGINT')
  expect(await ended).toBe(1)
})

test('a program that a signal ended ends us as a shell expects', async () => {
  const { ended } = start(`process.kill(process.pid, 'SIGTERM'); setInterval(() => undefined, 1000)`)
  expect(await ended).toBe(143)
})

test('the program ends when whoever called us is killed, and when we are', async () => {
  const program = `
    import { writeFileSync } from 'node:fs'
    writeFileSync(process.argv[2]!, String(process.pid))
    setInterval(() => undefined, 1000)`
  for (const [file, via] of [
    ['outer', ['sh', '-c', '"$@"; true', 'sh']],
    ['inner', []],
  ] as const) {
    const pidFile = join(dir, file)
    const { child } = start(program, [pidFile], via)
    await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8')).toMatch(/\d/)
    const pid = Number(readFileSync(pidFile, 'utf8'))
    child.kill('SIGKILL')
    await expect.poll(() => isAlive(pid)).toBe(false)
  }
})
