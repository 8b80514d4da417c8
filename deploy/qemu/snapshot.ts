import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleWhole, GUEST_ROOT } from './bundle.ts'
import { LATE } from './late-builtins.ts'
import { run } from './run.ts'

/** How a snapshot is started (and made: V8's flags MUST be the same). */
export const SNAPSHOT_FLAGS = ['--jitless']

/**
 * Makes `machine.blob` in `out`: the memory of a node that has loaded a machine's code, every function of it compiled.
 *
 * An emulated machine would spend a third of its boot on that. All children of an image begin with it, so it MUST hold nothing that one
 * of them is known by: late-builtins.ts sees to that, and node gives each its own seeds. It holds no machine code, and node's
 * own is left out of it (withoutCodeCache), so that it may be made by this processor for that of the guest.
 */
export async function makeSnapshot(root: string, out: string, flags: readonly string[]): Promise<void> {
  await bundleWhole(root, 'deploy/qemu/guest/machine.ts', join(out, 'machine.cjs'))
  const [loader, config] = [join(out, 'load.cjs'), join(out, 'snapshot.json')]
  writeFileSync(loader, loaderIn(root))
  writeFileSync(config, JSON.stringify({ builder: loader, withoutCodeCache: true }))
  const args = [...flags, ...SNAPSHOT_FLAGS, '--snapshot-blob', join(out, 'machine.blob')]
  await run(process.execPath, [...args, '--build-snapshot-config', config], out)
}

/** Compiles every function, which V8 would else do in the guest, one by one as they are called. */
const loaderIn = (root: string) => `
const { compileFunction } = require('vm'), { setFlagsFromString } = require('v8')
const { fileURLToPath } = require('url')
const fromHere = (path) => (path instanceof URL ? fileURLToPath(path) : String(path)).replace(${JSON.stringify(GUEST_ROOT)}, ${JSON.stringify(root)})
const file = require('path').join(process.cwd(), 'machine.cjs')
${LATE}
const webcrypto = late(() => process.getBuiltinModule('node:crypto').webcrypto)
Object.defineProperty(globalThis, 'crypto', { configurable: true, get: () => webcrypto })
const fs = require('fs'), { readFileSync } = fs
fs.readFileSync = (path, ...how) => readFileSync(fromHere(path), ...how)
setFlagsFromString('--no-lazy')
const machine = compileFunction(readFileSync(file, 'utf8'), ['require', 'exports', 'module'], { filename: '/machine.cjs' })
setFlagsFromString('--lazy')
machine(require, {}, { exports: {} })
fs.readFileSync = readFileSync
`
