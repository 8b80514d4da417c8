import { Doorbell } from '@powernode/clock'

/** Everybody here who waits for checkpoints and cosignatures, on one LISTEN for all. */
export type CheckpointBells = {
  /** There is something new about a log; about any, when it is not said which. */
  readonly ring: (logId: number | undefined) => void
  /** A bell for one who waits, until it leaves: for one log, or for all. */
  readonly join: (logId?: number) => { readonly bell: Doorbell; readonly leave: () => void }
}

export function createCheckpointBells(): CheckpointBells {
  const waiting = new Map<Doorbell, number | undefined>()
  return {
    ring(logId) {
      for (const [bell, of] of waiting) if (logId === undefined || of === undefined || of === logId) bell.ring()
    },
    join(logId) {
      const bell = new Doorbell()
      waiting.set(bell, logId)
      return { bell, leave: () => void waiting.delete(bell) }
    },
  }
}
