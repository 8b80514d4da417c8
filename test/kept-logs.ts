/**
 * What the services of a story said is gone with its platforms. When a test of it fails, a copy stays in `.cache/failed`, a folder
 * for each test, and the test's output says where.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach } from 'vitest'

const FAILED = fileURLToPath(new URL('../.cache/failed', import.meta.url))
const running = new Set<string>()

/** The platform in this folder is running; what is given back says that it is not any more. */
export function mayFail(dir: string): () => void {
  running.add(dir)
  return () => void running.delete(dir)
}

/** Once for each file of tests, before any: a test that fails leaves what the platforms have said by then. */
export function keepLogsOfFailed(): void {
  beforeEach(({ onTestFailed, task }) => {
    onTestFailed(() => {
      if (running.size === 0) return
      const kept = join(FAILED, task.name.replaceAll(/\W+/g, '-').slice(0, 80))
      rmSync(kept, { recursive: true, force: true })
      for (const dir of running) copyLogs(dir, join(kept, basename(dir)))
      process.stdout.write(`what was said on the platforms: ${kept}\n`)
    })
  })
}

function copyLogs(dir: string, to: string): void {
  mkdirSync(to, { recursive: true })
  cpSync(join(dir, 'log'), to, { recursive: true })
}
