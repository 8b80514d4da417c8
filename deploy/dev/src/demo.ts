import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OtherVersion } from '@powernode/postgres'
import { labStory } from './demo/lab.ts'
import { demoOptions, USAGE, type DemoOptions } from './demo/options.ts'
import { peersStory } from './demo/peers.ts'
import { spawnStory } from './demo/spawn.ts'
import { type Stage } from './demo/start.ts'
import { type Story } from './demo/story.ts'
import { createDisplay, type Display } from './display.ts'
import { explain, isBecauseOf } from './explain.ts'
import { claimDirectory, InUse } from './owner.ts'
import { type Platform } from './platform.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

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
  const plain = options.lab ? labStory : peersStory
  const story = options.spawn === undefined ? plain : spawnStory(options.spawn)
  const display = createDisplay(options.json ? process.stderr : process.stdout)
  display.print(`\n  ${story.title}\n`)
  const stop = stopOnSignals(display)
  try {
    const release = claimDirectory(options.data)
    try {
      return await demo(story, { options, display, stop })
    } finally {
      release()
    }
  } catch (error) {
    display.print(`\n  ${error instanceof InUse ? otherDemo(error) : explain(error)}`)
    if (options.json) printVerdict({ ok: false, steps: display.steps, ...story.blank, error: explain(error) })
    return 1
  }
}

/** One story from nothing to its end; then up until Ctrl-C. */
async function demo(story: Story, stage: Stage): Promise<number> {
  const { options, display, stop } = stage
  const started: Platform[] = []
  const { failure, verdict } = await story.tell(stage, started)
  if (failure !== undefined && !stop.aborted)
    display.print(`\n  The demo did not get to its end: ${explain(failure)}${whatToDo(failure, options)}`)
  const ok = failure === undefined
  if (options.json)
    printVerdict({ ok, steps: display.steps, ...(await verdict()), ...(ok ? {} : { error: explain(failure) }) })
  if (ok && !options.once) {
    display.print(`  ${story.remark}\n`)
    await aborted(stop)
  }
  await Promise.all(started.map((platform) => platform.stop()))
  return ok ? 0 : stop.aborted ? 130 : 1
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

function whatToDo(failure: unknown, { data }: DemoOptions): string {
  if (!isBecauseOf(failure, OtherVersion)) return ''
  const dir = relative(process.cwd(), data) || '.'
  return `\n  ${dir} has the data of another version: begin anew with --fresh, or keep this one's data apart with --data DIR.`
}

function otherDemo({ dir, pid }: InUse): string {
  const data = relative(process.cwd(), dir) || '.'
  return `Another demo (process ${pid}) runs on ${data}: stop it, or keep this one's data apart with --data DIR.`
}

function printVerdict(verdict: object): void {
  process.stdout.write(`${JSON.stringify(verdict)}\n`)
}
