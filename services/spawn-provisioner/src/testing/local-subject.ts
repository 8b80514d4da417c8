import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@powernode/clock'
import { createLogger, processesWith } from '@powernode/process'
import type { ProviderFactory } from '../providers/provider.ts'
import { runDir } from '../providers/qemu/firmware.ts'
import type { Subject } from './provider-suite.ts'

const CACHE = fileURLToPath(new URL('../../../../.cache', import.meta.url))

/** A provider of machines on this host, in a directory that goes away with the test. */
export function localSubject(factory: ProviderFactory, bootMs: number): Subject & { readonly dir: string } {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-provider-'))
  const deps = {
    clock: systemClock,
    logger: createLogger('test', { level: 'silent' }),
    dir,
    cacheDir: CACHE,
    environment: { PATH: process.env['PATH'] ?? '/usr/bin:/bin:/usr/sbin' },
    endsWith: process.pid,
  }
  return {
    dir,
    bootMs,
    open: () => factory({}, deps),
    close: () => rmSync(dir, { recursive: true, force: true }),
    leftovers: (instanceId) => [
      ...processesWith(instanceId).map((pid) => `process ${pid}`),
      ...[join(dir, instanceId), runDir(instanceId)].filter(existsSync),
    ],
  }
}
