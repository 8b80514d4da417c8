import type { Clock } from '@powernode/clock'

/** Where something long stands. `end` MUST be called before anything else is printed. */
export type Progress = {
  at(done: number, of: number): void
  end(): void
}

export type ProgressBar = {
  readonly what: string
  /** Width of the terminal; undefined where nobody looks, and then nothing is written. */
  readonly columns: number | undefined
  readonly clock: Clock
  readonly write: (text: string) => void
}

const REDRAW_MS = 100
const BAR = 24

/** One line that moves: checking  ████████░░░░░░░░  52%  520,000 of 1,000,000. Gone without a trace in the end. */
export function progressBar({ what, columns, clock, write }: ProgressBar): Progress {
  if (columns === undefined) return { at: () => undefined, end: () => undefined }
  let drawnAt = -Infinity
  return {
    at(done, of) {
      const now = clock.now().getTime()
      if (now - drawnAt < REDRAW_MS) return
      drawnAt = now
      write(`\r${line(what, done, of).slice(0, columns - 1)}\u001b[K`)
    },
    end() {
      if (drawnAt > -Infinity) write('\r\u001b[K')
    },
  }
}

function line(what: string, done: number, of: number): string {
  const share = of > 0 ? Math.min(1, done / of) : 0
  const full = Math.round(share * BAR)
  const bar = '█'.repeat(full) + '░'.repeat(BAR - full)
  return `${what}  ${bar} ${String(Math.floor(share * 100)).padStart(3)}%  ${counted(done)} of ${counted(of)}`
}

/** 1,234,567 */
export const counted = (count: number | bigint): string => String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')
