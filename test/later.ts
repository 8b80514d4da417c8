import { systemClock } from '@powernode/clock'
import { vi } from 'vitest'

const shown = systemClock.now.bind(systemClock)
const measured = performance.now.bind(performance)
const ahead = { clockMs: 0, stopwatchMs: 0 }

/**
 * From now on it is later, for all that runs in the process of this test file: its platforms, and whoever types at them.
 * Clocks show when a grant ends; stopwatches measure how long ago somebody was heard. Who sleeps sleeps on, as on a machine
 * that was suspended. Time does not go back when the test is over: nobody here expects that of it.
 */
export function itIsLater({ clockMs = 0, stopwatchMs = 0 }: Partial<typeof ahead>): void {
  ahead.clockMs += clockMs
  ahead.stopwatchMs += stopwatchMs
  vi.spyOn(systemClock, 'now').mockImplementation(() => new Date(shown().getTime() + ahead.clockMs))
  vi.spyOn(performance, 'now').mockImplementation(() => measured() + ahead.stopwatchMs)
}
