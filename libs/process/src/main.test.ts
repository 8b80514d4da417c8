import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

const MAIN = new URL('main.ts', import.meta.url).href

/** Starts a Node process whose `run` is the given source, and resolves once it has printed `ready`. */
async function start(
  run: string,
  env: Record<string, string> = {},
): Promise<{ child: ChildProcess; said: () => string }> {
  const source = `import { main } from '${MAIN}'; import { once } from 'node:events';
    await main(async (signal) => { ${run} })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  child.stderr.on('data', (chunk) => (text += String(chunk)))
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  await once(child.stdout, 'data')
  return { child, said: () => text }
}

const UNTIL_STOPPED = `const kept = setInterval(() => {}, 1000); console.log('ready ' + process.pid)
  await once(signal, 'abort'); clearInterval(kept); console.log('stopped')`

test.each(['SIGINT', 'SIGTERM'] as const)('%s lets the process finish, with exit code 0', async (name) => {
  const { child, said } = await start(UNTIL_STOPPED)
  child.kill(name)
  expect(await once(child, 'close')).toEqual([0, null])
  expect(said()).toContain('stopped')
})

test('a failure is logged and ends in exit code 1', async () => {
  const { child, said } = await start(`console.log('ready'); throw new Error('no bus')`)
  expect(await once(child, 'close')).toEqual([1, null])
  expect(said()).toContain('"message":"no bus"')
})

test('an error nobody caught stops the process in order, with exit code 1', async () => {
  const { child, said } = await start(`setTimeout(() => { throw new Error('stray') }, 1); ${UNTIL_STOPPED}`)
  expect(await once(child, 'close')).toEqual([1, null])
  expect(said()).toContain('"message":"stray"')
  expect(said()).toContain('stopped')
})

test('a configuration that cannot be used is told by its problems', async () => {
  const readConfig = new URL('read-config.ts', import.meta.url).href
  const { child, said } = await start(
    `console.log('ready'); const { ConfigInvalid } = await import('${readConfig}'); throw new ConfigInvalid(['A: is not set'])`,
  )
  expect(await once(child, 'close')).toEqual([1, null])
  expect(said()).toContain('"problems":["A: is not set"]')
})

test('something left open does not keep a finished process alive', async () => {
  const { child, said } = await start(`console.log('ready'); setInterval(() => {}, 1000)`)
  expect(await once(child, 'close')).toEqual([0, null])
  expect(said()).toContain('left open')
})

test('a process told so ends when its parent is killed', async () => {
  // The parent is a process whose own child is ours; our child's end is seen by its closing the pipe it inherited.
  const source = `import { main } from '${MAIN}'; import { once } from 'node:events'; await main(async (signal) => { ${UNTIL_STOPPED} })`
  const parent = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { spawn } from 'node:child_process'
       spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(source)}],
         { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, POWERNODE_EXIT_WITH_PARENT: '1' } })`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let text = ''
  parent.stdout.on('data', (chunk) => (text += String(chunk)))
  await once(parent.stdout, 'data')
  parent.kill('SIGKILL')
  await once(parent.stdout, 'close')
  expect(text).toContain('stopped')
})
