import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { findTools } from '../../../deploy/qemu/tools.ts'
import { labSkip } from '../requirements.ts'
import { boot, type Said } from './boot.ts'
import { FROM_HERE, makeMachine } from './image.ts'

const PATIENCE_MS = 1_800_000
/** As much of its console as shows what it did last. */
const LAST_WORDS = 16_000

/**
 * Whether a story that is run in a machine of its own is left out here. An emulated machine takes its time, so it is booted where it
 * is asked for: QEMU_TESTS=1, as .ci/run does. `what` needs one, for the line that says so.
 */
export function machineSkip(what: string): boolean {
  const wanted = process.env['QEMU_TESTS'] === '1'
  if (!wanted) process.stdout.write(`skipped: ${what} a machine of their own: QEMU_TESTS=1\n`)
  return !wanted || labSkip(FROM_HERE)
}

/** Runs a program in a machine, before the tests of a suite, and gives what it said by name; throws what it said last where it did not. */
export function toldBy(program: string): (name: string) => unknown {
  let dir = ''
  let said: Said
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'powernode-machine-'))
    await makeMachine(dir, { program, tools: findTools(process.env['PATH'] ?? '') })
    said = await boot(dir, AbortSignal.timeout(PATIENCE_MS))
  }, PATIENCE_MS)
  afterAll(() => rmSync(dir, { recursive: true, force: true }))
  return (name) => {
    if (said.facts.has('failed')) throw new Error(`the story failed: ${String(said.facts.get('failed'))}`)
    if (!said.facts.has(name)) throw new Error(`the machine did not say ‘${name}’:\n${said.console.slice(-LAST_WORDS)}`)
    return said.facts.get(name)
  }
}
