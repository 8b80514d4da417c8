#!/usr/bin/env node
// fedctl on any Node since 20: it goes on under the pinned one, because its sources are TypeScript run as they are.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const { enableCompileCache } = module
const ROOT = resolve(fileURLToPath(import.meta.url), '../../..')
const MAIN = join(ROOT, 'services', 'fedctl', 'src', 'main.ts')
const PINNED = join(ROOT, 'node_modules', '.bin', 'node')
const runsTypeScript = Number(process.versions.node.split('.')[0]) >= 24

if (runsTypeScript) {
  enableCompileCache?.(join(ROOT, '.cache', 'compile'))
  await import(MAIN)
} else if (existsSync(PINNED)) {
  const env = { NODE_COMPILE_CACHE: join(ROOT, '.cache', 'compile'), ...process.env }
  const child = spawn(PINNED, [MAIN, ...process.argv.slice(2)], { stdio: 'inherit', env })
  // The terminal sends Ctrl-C to both of us; waiting for the child keeps its exit code.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => (process.exitCode = code ?? 128 + constants.signals[signal]))
} else {
  process.stderr.write(`fedctl needs Node 24 or later, or the one this project pins: run "npm ci" in ${ROOT}\n`)
  process.exitCode = 2
}
