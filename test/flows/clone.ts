import { spawn as launch } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pathOf } from '@powernode/payload'
import { processName } from '@powernode/process'
import { looks } from '../eventually.ts'
import type { TestPlatform } from '../mesh.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A machine that was booted beside the one it is a copy of. */
export type Clone = {
  readonly dir: string
  /** All that it has printed. */
  said(): string
  isUp(): boolean
  end(): Promise<void>
}

/** What the machine of the parent's only child was handed, as it is before its first run has taken the token out. */
export async function copyPayload({ platform }: TestPlatform, to: string): Promise<void> {
  for await (const _ of looks()) {
    const [machine] = globSync('data/spawn-provisioner/**/instance.json', { cwd: platform.dir })
    const root = join(platform.dir, dirname(machine ?? ''), 'fw_cfg')
    // The address of the parent is written last.
    if (!machine || !existsSync(pathOf(root, 'parent_url'))) continue
    if (!existsSync(pathOf(root, 'acceptance_token'))) throw new Error('the machine has taken its token out already')
    return cpSync(root, join(to, 'fw_cfg'), { recursive: true })
  }
  throw new Error('the machine was handed no payload')
}

/** Boots what copyPayload has copied. It ends with this process, however this process ends. */
export function bootClone(from: string): Clone {
  const dir = join(from, 'machine')
  const self = processName(process.pid)
  const args = ['--dir', dir, '--payload', join(from, 'fw_cfg'), '--cache', join(ROOT, '.cache')]
  const watch = ['--ends-with', `${self?.pid}:${self?.started}`]
  const clone = launch(process.execPath, [join(ROOT, 'deploy/child/boot.ts'), ...args, ...watch], { cwd: from })
  const exited = once(clone, 'exit')
  let said = ''
  for (const stream of [clone.stdout, clone.stderr]) stream.on('data', (chunk) => (said += chunk))
  return {
    dir,
    said: () => said,
    isUp: () => clone.exitCode === null && clone.signalCode === null,
    end: async () => {
      clone.kill('SIGTERM')
      await exited
    },
  }
}
