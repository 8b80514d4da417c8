import { join } from 'node:path'
import { systemClock, type Clock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { somePayload } from '@powernode/payload/testing'
import type { Provider, Wanted } from '../../services/spawn-provisioner/src/providers/provider.ts'
import { qemuProvider } from '../../services/spawn-provisioner/src/providers/qemu/qemu-provider.ts'

export type Trial = {
  readonly image: string
  /** A folder that goes away when the image is made. */
  readonly work: string
  readonly path: string
}

const INSTANCE = '00000000-0000-7000-8000-000000000000'
const LONGEST_MS = 900_000
const LOOK_MS = 500

/**
 * Boots the image once, as a child of nobody, and says how many milliseconds that took: one that does not serve is told to whoever
 * makes it, and not to an operator later.
 */
export async function tryOut({ image, work, path }: Trial): Promise<number> {
  const signal = AbortSignal.timeout(LONGEST_MS)
  const [clock, dir] = [systemClock, join(work, 'trial')]
  const deps = {
    clock,
    logger: createLogger('image', { level: 'silent' }),
    dir,
    cacheDir: work,
    environment: { PATH: path },
    endsWith: process.pid,
  }
  const provider = qemuProvider({ image }, deps)
  const wanted = {
    instanceId: INSTANCE,
    hostname: 'image',
    region: '',
    cpus: 2,
    memoryBytes: 0,
    diskBytes: 0,
    template: {},
  }
  try {
    const begunMs = clock.elapsed()
    if (await comesUp(provider, wanted, clock, signal)) return clock.elapsed() - begunMs
    throw new Error(await lastWords(provider))
  } finally {
    await provider.terminate(INSTANCE, new AbortController().signal)
  }
}

async function comesUp(provider: Provider, wanted: Wanted, clock: Clock, signal: AbortSignal): Promise<boolean> {
  // Nobody listens on port 1: the child waits for its parent, as it does for one that is down.
  const payload = somePayload({ instance_id: INSTANCE, parent_url: 'https://127.0.0.1:1' })
  await provider.create(wanted, payload, signal)
  for (;;) {
    const { state } = await provider.look(INSTANCE, signal)
    if (state === 'running' || state === 'stopped') return state === 'running'
    signal.throwIfAborted()
    await clock.sleep(LOOK_MS, signal)
  }
}

async function lastWords(provider: Provider): Promise<string> {
  const { progress, console } = await provider.look(INSTANCE, new AbortController().signal)
  return `the image does not boot: ${progress}; ${console.slice(-5).join(' | ')}`
}
