import { rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cross, type Crossing } from './demo/cross.ts'
import { peerJson, tableOf } from './demo/fedctl.ts'
import { hints } from './demo/hints.ts'
import { proveLedgers, type Ledgers } from './demo/ledger.ts'
import { demoOptions, USAGE, type DemoOptions } from './demo/options.ts'
import { walk } from './demo/walk.ts'
import { createDisplay, painter, type Display } from './display.ts'
import { explain } from './explain.ts'
import { claimDirectory, InUse } from './owner.ts'
import { startPlatform, type Platform } from './platform.ts'
import { removePostgres } from './postgres.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** The platforms of the demo, and where their ports count from when these are free. */
const PLATFORMS = [
  { name: 'a', trustDomain: 'a.powernode.test', basePort: 7400 },
  { name: 'b', trustDomain: 'b.powernode.test', basePort: 7500 },
] as const

process.exitCode = await main(process.argv.slice(2))

/** Reads what was typed and runs the demo. Returns the exit code: 2 for what makes no sense, 130 when interrupted. */
async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions
  try {
    options = demoOptions(args, ROOT)
  } catch (error) {
    process.stderr.write(`${explain(error)}\n\n${USAGE}`)
    return 2
  }
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const display = createDisplay(options.json ? process.stderr : process.stdout)
  display.print('\n  Two platforms federate\n')
  const stop = stopOnSignals(display)
  try {
    const release = claimDirectory(options.data)
    try {
      return await demo(options, display, stop)
    } finally {
      release()
    }
  } catch (error) {
    display.print(`\n  ${error instanceof InUse ? otherDemo(error) : explain(error)}`)
    if (options.json) printVerdict({ ok: false, steps: display.steps, a: null, b: null, error: explain(error) })
    return 1
  }
}

/** Two platforms from nothing to what a peer may do, by the commands an operator would type; then up until Ctrl-C. */
async function demo(options: DemoOptions, display: Display, stop: AbortSignal): Promise<number> {
  const platforms: Platform[] = []
  let failure: unknown
  let crossings: readonly Crossing[] = []
  let ledger: Ledgers | undefined
  try {
    await start(options, display, platforms, stop)
    const [a, b] = platforms as [Platform, Platform] // both: `start` would have thrown
    if (await walk(a, b, display, stop)) {
      crossings = await cross(a, b, display, stop)
      ledger = await proveLedgers(a, b, { display, signal: stop, calls: crossings.length })
    }
    await show(a, b, options, display)
  } catch (error) {
    failure = error
    if (!stop.aborted) display.print(`\n  The demo did not get to its end: ${explain(error)}`)
  }
  const ok = failure === undefined
  if (options.json) {
    const [a = null, b = null] = await Promise.all(platforms.map((platform) => peerJson(platform).catch(() => null)))
    printVerdict({
      ok,
      steps: display.steps,
      a: { peer: a },
      b: { peer: b },
      crossings,
      ledger: ledger ?? null,
      ...(ok ? {} : { error: explain(failure) }),
    })
  }
  if (ok && !options.once) {
    display.print('  Both stay up. Ctrl-C ends the demo; the next one continues with its data.\n')
    await aborted(stop)
  }
  await Promise.all(platforms.map((platform) => platform.stop()))
  return ok ? 0 : stop.aborted ? 130 : 1
}

/** Starts both at the same time. When one cannot start, the other is stopped too. */
async function start(options: DemoOptions, display: Display, platforms: Platform[], stop: AbortSignal): Promise<void> {
  const failing = new AbortController()
  const signal = AbortSignal.any([stop, failing.signal])
  const starts = PLATFORMS.map(async (wanted) => {
    const dir = join(options.data, wanted.name)
    if (options.fresh) forget(dir)
    const started = await display.step(`start platform ${wanted.name.toUpperCase()}`, async (say) => {
      const cacheDir = join(ROOT, '.cache', 'bin')
      const allowLoopback = { settings: { allowLoopback: true } }
      const platform = await startPlatform({ ...wanted, ...allowLoopback, dir, cacheDir, progress: say }, signal)
      say(`${Object.keys(platform.parts).length} processes, ${platform.url}`)
      return platform
    })
    if (started.moved.length > 0) display.print(movedText(started))
    return started
  })
  for (const starting of starts) starting.catch((error: unknown) => failing.abort(error))
  const results = await Promise.allSettled(starts)
  for (const result of results) if (result.status === 'fulfilled') platforms.push(result.value)
  if (failing.signal.aborted) throw failing.signal.reason
}

async function show(a: Platform, b: Platform, options: DemoOptions, display: Display): Promise<void> {
  const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined && !options.json
  const to = painter(colours)
  for (const platform of [a, b]) {
    display.print(
      `\n  ${to.bold(platform.name.toUpperCase())}  ${to.dim(`${platform.trustDomain} at ${platform.url}`)}`,
    )
    const table = await tableOf(platform, ['peer', 'list'], colours)
    display.print(table.replaceAll(/^(?=.)/gm, '  ').trimEnd())
  }
  if (!options.json) display.print(hints(a, b, to))
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
  removePostgres(join(dir, 'postgres')) // also what lies elsewhere on its behalf
  rmSync(dir, { recursive: true, force: true })
}

/** The first signal asks everything to stop in order; a second one is obeyed at once, and the kernel stops the rest. */
function stopOnSignals(display: Display): AbortSignal {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) process.exit(130)
      display.print('  stopping …')
      stopping.abort()
    })
  }
  return stopping.signal
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    // Signal handlers keep no process alive; this does.
    const alive = setInterval(() => undefined, 3_600_000)
    signal.addEventListener('abort', () => (clearInterval(alive), resolve()), { once: true })
  })
}

function otherDemo({ dir, pid }: InUse): string {
  const data = relative(process.cwd(), dir) || '.'
  return `Another demo (process ${pid}) runs on ${data}: stop it, or keep this one's data apart with --data DIR.`
}

function printVerdict(verdict: object): void {
  process.stdout.write(`${JSON.stringify(verdict)}\n`)
}
