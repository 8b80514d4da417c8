import { Doorbell } from '@powernode/clock'

/** Everybody here who waits for checkpoints and cosignatures, on one LISTEN for all. */
export type CheckpointBells = {
  /** There is something new about a log; about any, when it is not said which. */
  readonly ring: (logId: number | undefined) => void
  /** A bell for one who waits, until it leaves: for one log, or for all. */
  readonly join: (logId?: number) => { readonly bell: Doorbell; readonly leave: () => void }
  /** Tells of every ring, and of which log: for those who look after all of them, as long as the process lives. */
  readonly tell: (heard: (logId: number | undefined) => void) => void
}

export function createCheckpointBells(): CheckpointBells {
  const waiting = new Map<Doorbell, number | undefined>()
  const listeners: ((logId: number | undefined) => void)[] = []
  return {
    ring(logId) {
      for (const heard of listeners) heard(logId)
      for (const [bell, of] of waiting) if (logId === undefined || of === undefined || of === logId) bell.ring()
    },
    tell: (heard) => void listeners.push(heard),
    join(logId) {
      const bell = new Doorbell()
      waiting.set(bell, logId)
      return { bell, leave: () => void waiting.delete(bell) }
    },
  }
}
