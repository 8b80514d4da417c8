import { performance } from 'node:perf_hooks'
import { explain } from './explain.ts'

/** One step of a walk, as it is reported. */
export type Step = { readonly name: string; readonly ok: boolean; readonly ms: number; readonly error?: string }

/** Where a walk shows itself: live on a terminal, a line for each finished step elsewhere. */
export type Display = {
  /** Runs one step and shows how it goes; `say` changes what stands beside its name. Several may run at once. */
  step<T>(name: string, run: (say: (detail: string) => void) => Promise<T>): Promise<T>
  /** Lines between the steps. */
  print(text: string): void
  readonly steps: readonly Step[]
}

type Terminal = { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown }
type Row = { readonly name: string; readonly from: number; detail: string }

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FRAME_MS = 80

/** Shows on `out`. Colours and movement only where a person looks and has not asked for none (no-color.org). */
export function createDisplay(out: Terminal, env: Readonly<Record<string, string | undefined>> = process.env): Display {
  const live = out.isTTY === true && env['TERM'] !== 'dumb' && env['CI'] === undefined
  const paint = painter(live && env['NO_COLOR'] === undefined)
  const steps: Step[] = []
  const running: Row[] = []
  let drawn = 0
  let frame = 0
  let ticking: NodeJS.Timeout | undefined

  /** Replaces the lines of the running steps; `above` goes over them and stays. */
  function draw(above = ''): void {
    if (!live) return void (above && out.write(above))
    const width = (out.columns ?? 80) - 1
    const sign = FRAMES[frame % FRAMES.length] ?? ''
    const rows = running.map(({ name, detail, from }) => {
      const text = `${name.padEnd(NAME_WIDTH)} ${seconds(performance.now() - from)}  ${detail}`.slice(0, width - 4)
      return `  ${paint.cyan(sign)} ${text}\n`
    })
    const back = drawn > 0 ? `\u001b[${drawn}A\u001b[J` : ''
    out.write(`${back}${above}${rows.join('')}`)
    drawn = rows.length
  }

  function tick(): void {
    if (live && running.length > 0) {
      ticking ??= setInterval(() => (frame++, draw()), FRAME_MS)
      ticking.unref()
    } else {
      clearInterval(ticking)
      ticking = undefined
    }
  }

  async function step<T>(name: string, run: (say: (detail: string) => void) => Promise<T>): Promise<T> {
    const row: Row = { name, from: performance.now(), detail: '' }
    running.push(row)
    tick()
    draw()
    const finish = (error?: unknown) => {
      running.splice(running.indexOf(row), 1)
      tick()
      const ms = Math.round(performance.now() - row.from)
      const said = explain(error)
      steps.push({ name, ok: error === undefined, ms, ...(error === undefined ? {} : { error: said }) })
      const sign = error === undefined ? paint.green('✓') : paint.red('✗')
      const detail = error === undefined ? paint.dim(row.detail) : paint.red(said.split('\n').join('\n      '))
      draw(`  ${sign} ${name.padEnd(NAME_WIDTH)} ${paint.dim(seconds(ms))}  ${detail}\n`)
    }
    try {
      const result = await run((detail) => ((row.detail = detail), draw()))
      finish()
      return result
    } catch (error) {
      finish(error)
      throw error
    }
  }

  return { step, steps, print: (text) => draw(`${text}\n`) }
}

const NAME_WIDTH = 34

const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 9_950 ? 2 : 1)} s`.padStart(7)

/** Words in colour, where colour is wanted. */
export function painter(wanted: boolean) {
  const colour = (code: number) => (text: string) => (wanted ? `\u001b[${code}m${text}\u001b[0m` : text)
  return { bold: colour(1), dim: colour(2), red: colour(31), green: colour(32), cyan: colour(36), yellow: colour(33) }
}

export type Painter = ReturnType<typeof painter>
