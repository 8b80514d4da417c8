import { globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Display } from '../display.ts'
import { type Settings } from '../environment.ts'
import { startPlatform, type Platform } from '../platform.ts'
import { removePostgres } from '../postgres.ts'
import { type DemoOptions } from './options.ts'

/** What is fetched and built once, for every run: binaries, compiled code, images of virtual machines. */
export const CACHE = fileURLToPath(new URL('../../../../.cache', import.meta.url))

/** The platforms of the demo, and where their ports count from when these are free. */
const PLATFORMS = {
  a: { name: 'a', trustDomain: 'a.powernode.test', basePort: 7400 },
  b: { name: 'b', trustDomain: 'b.powernode.test', basePort: 7500 },
} as const

/** What a story is told with: what was typed, where it shows itself, and when it has to stop. */
export type Stage = { readonly options: DemoOptions; readonly display: Display; readonly stop: AbortSignal }

/** Which platforms, and what their services are told beside what every demo tells them. */
export type Wanted = { readonly names: readonly (keyof typeof PLATFORMS)[]; readonly env?: Settings['env'] }

/** Starts those platforms at the same time and adds each to `started`. When one cannot start, the others are stopped too. */
export async function start(
  { options, display, stop }: Stage,
  { names, env = {} }: Wanted,
  started: Platform[],
): Promise<void> {
  const failing = new AbortController()
  const signal = AbortSignal.any([stop, failing.signal])
  const starts = names.map(async (name) => {
    const dir = join(options.data, name)
    if (options.fresh) forget(dir)
    const platform = await display.step(`start platform ${name.toUpperCase()}`, async (say) => {
      // Children end when this does, however it ends.
      const spawning = { ENDS_WITH_PID: String(process.pid), CACHE_DIR: CACHE }
      const settings = { allowLoopback: true, env: { ...env, 'spawn-provisioner': spawning } }
      const wanted = { ...PLATFORMS[name], settings, dir, cacheDir: join(CACHE, 'bin'), progress: say }
      const made = await startPlatform(wanted, signal)
      say(`${Object.keys(made.parts).length} processes, ${made.url}`)
      return made
    })
    if (platform.moved.length > 0) display.print(movedText(platform))
    return platform
  })
  for (const starting of starts) starting.catch((error: unknown) => failing.abort(error))
  const results = await Promise.allSettled(starts)
  for (const result of results) if (result.status === 'fulfilled') started.push(result.value)
  if (failing.signal.aborted) throw failing.signal.reason
}

/** Whose ports were taken, and where it is instead. A peer that knew it elsewhere is told with the next heartbeat. */
function movedText({ name, moved, ports }: Platform): string {
  const [first, ...others] = moved
  const more = others.length > 0 ? ` and ${others.length} more are` : ' is'
  const where = moved.map(({ port, got }) => `${port} ${got}`).join(', ')
  const instead = others.length > 2 ? `at ${ports.door} and near it` : `at ${where}`
  return `    port ${first?.wanted}${more} taken by another program: ${name.toUpperCase()} is ${instead} instead`
}

function forget(dir: string): void {
  // Also what lies elsewhere on behalf of a Postgres, its children's included.
  for (const note of globSync('**/elsewhere', { cwd: dir })) removePostgres(join(dir, note, '..'))
  rmSync(dir, { recursive: true, force: true })
}
