import { create } from '@bufbuild/protobuf'
import type { Client } from '@connectrpc/connect'
import { Doorbell, patient, type Clock } from '@powernode/clock'
import { runTasks, type Logger } from '@powernode/process'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { LedgerHeadSchema, type LedgerHead } from '@powernode/proto/powernode/federation/v1/service_pb.ts'

/** Where logs end, as beats tell it: ours about a peer to the peer, and the peer's about us to audit-ledger. */
export type LedgerHeads = {
  /** What a beat to this peer says; undefined while it is not known, or may be out of date. */
  readonly ofPeer: (peerId: string) => LedgerHead | undefined
  /** A peer told this. Never waits: it is passed on behind the beat. */
  readonly told: (peerId: string, head: LedgerHead | undefined) => void
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** What is asked of audit-ledger. */
export type Ledger = Pick<Client<typeof AuditLedgerService>, 'listHeads' | 'observeHeads'>

type Deps = { readonly ledger: Ledger; readonly clock: Clock; readonly logger: Logger }

const REFRESH_EVERY_MS = 5_000
/** An old head would look like a log that became shorter: what could not be refreshed for so long is not told. */
const FRESH_FOR_MS = 15_000
const PAGE = 1_000
/** As many as one message takes; and beats gather for a moment, so that a thousand of them cost one call. */
const BATCH = 1_000
const GATHER_MS = 200
const AGAIN_MS = 2_000
const ASK_MS = 10_000
/** What was passed on is not repeated while it stays the same; but now and then, should it have been for nothing. */
const REPEAT_AFTER_MS = 600_000
/** As the contract has it (LedgerHead): a longer one would make the whole message of all peers invalid. */
const LONGEST_HEAD = 4_096

/**
 * Keeps both in memory, so that a beat costs no call: heads of ours are read anew every few seconds, and heads of peers are
 * passed on many at once, only when they changed. Without audit-ledger beats go on, and say nothing of logs.
 */
export function ledgerHeads({ ledger, clock, logger }: Deps): LedgerHeads {
  const own = new Map<string, LedgerHead>()
  let position = 0n
  let refreshedAtMs = Number.NEGATIVE_INFINITY

  const waiting = new Map<string, string>()
  const passedOn = new Map<string, string>()
  const bell = new Doorbell()
  const nowMs = () => clock.now().getTime()

  async function refresh(signal: AbortSignal): Promise<void> {
    const startedMs = nowMs()
    for (let more = true; more && !signal.aborted;) {
      const page = await ledger.listHeads({ after: position, pageSize: PAGE }, { signal, timeoutMs: patient(ASK_MS) })
      for (const { peerId, head } of page.heads) if (head) own.set(peerId, head)
      position = page.position
      more = page.more
    }
    refreshedAtMs = startedMs
  }

  async function passOn(signal: AbortSignal): Promise<void> {
    while (waiting.size > 0 && !signal.aborted) {
      const batch = [...waiting].slice(0, BATCH)
      const heads = batch.map(([peerId, checkpoint]) => ({ peerId, head: { checkpoint } }))
      await ledger.observeHeads({ heads }, { signal, timeoutMs: patient(ASK_MS) })
      for (const [peerId, checkpoint] of batch) {
        passedOn.set(peerId, checkpoint)
        if (waiting.get(peerId) === checkpoint) waiting.delete(peerId)
      }
    }
  }

  /** Tries; what fails is tried again. */
  async function tried(what: string, work: Promise<void>, signal: AbortSignal): Promise<boolean> {
    try {
      await work
      return true
    } catch (error) {
      if (!signal.aborted) logger.warn({ task: 'heads', error }, what)
      return false
    }
  }

  return {
    ofPeer: (peerId) => (nowMs() - refreshedAtMs <= FRESH_FOR_MS ? own.get(peerId) : undefined),
    told(peerId, head) {
      const checkpoint = head?.checkpoint ?? ''
      if (checkpoint === '' || checkpoint === passedOn.get(peerId)) return
      if (Buffer.byteLength(checkpoint) > LONGEST_HEAD || !checkpoint.isWellFormed()) return
      waiting.set(peerId, checkpoint)
      bell.ring()
    },
    run: (signal) =>
      runTasks(signal, [
        async (stop) => {
          while (!stop.aborted) {
            await tried('where our logs end is not known', refresh(stop), stop)
            await clock.sleep(REFRESH_EVERY_MS, stop)
          }
        },
        async (stop) => {
          while (!stop.aborted) {
            await bell.wait(clock, REPEAT_AFTER_MS, stop)
            await clock.sleep(GATHER_MS, stop)
            if (await tried('heads of logs could not be passed on', passOn(stop), stop)) continue
            await clock.sleep(AGAIN_MS, stop)
            bell.ring()
          }
        },
        async (stop) => {
          while (!stop.aborted) {
            await clock.sleep(REPEAT_AFTER_MS, stop)
            passedOn.clear()
          }
        },
      ]),
  }
}

/** For a test, and for who has no ledger to ask. */
export const noHeads: LedgerHeads = { ofPeer: () => undefined, told: () => {}, run: async () => {} }

export const headOf = (checkpoint: string): LedgerHead => create(LedgerHeadSchema, { checkpoint })
