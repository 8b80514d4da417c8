import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Aftermath } from '@powernode/approvals'
import { Refusal } from '@powernode/rpc'
import { z } from 'zod'

/** What policies and approvals call it: a replica takes the place of our primary, or gives it back. */
export const PROMOTE = 'system.cluster_member_promote'

export const PROMOTION_STEPS = [
  'fence_gate',
  'fence_roles',
  'fence_tunnel',
  'settle_lsn',
  'await_replay',
  'promote',
  'verify',
] as const
export type PromotionStep = (typeof PROMOTION_STEPS)[number]

const shape = z.object({
  childId: z.string(),
  hostname: z.string(),
  peerId: z.string(),
  roleName: z.string(),
  by: z.string(),
  /** The approval that it is carried out under; empty when whoever asked needed none. */
  approvalId: z.string().default(''),
  reason: z.string(),
  forced: z.boolean(),
  /** Nobody here promoted it: it took over while we were away, and we were fenced when we heard of it. */
  byItself: z.boolean().default(false),
  startedAt: z.string(),
  /**
   * The step that was begun last, or how it ended. `lifted`: the fence is gone, nobody was promoted. `in_doubt`: the member
   * was told, and did not say what it did.
   */
  step: z.enum([...PROMOTION_STEPS, 'done', 'lifted', 'in_doubt', 'failed_back']),
  /** The member was told to take over, and did not say that it will not: the fence MUST stay, whatever is asked for again. */
  told: z.boolean().default(false),
  /** Which database it was done to: another one in its place is none of this record's business. Empty: it could not be asked. */
  systemIdentifier: z.string().default(''),
  lsn: z.string().default(''),
  timeline: z.number().default(0),
  newTimeline: z.number().default(0),
  /** Where the new primary answers: host:port. */
  address: z.string().default(''),
  failure: z.string().default(''),
  /** The approval that the way back is gone under, and why it was not gone to its end. */
  returnApprovalId: z.string().default(''),
  returnFailure: z.string().default(''),
})

export type PromotionRecord = z.infer<typeof shape>

/** How it ended; until then the record MUST be followed up. */
export const isOver = ({ step }: PromotionRecord): boolean => ['done', 'lifted', 'failed_back'].includes(step)

/** What came of what was approved, as far as this record speaks of it: the promotion, or the way back from it. */
export function aftermathOf(record: PromotionRecord, approvalId: string): Aftermath | undefined {
  const { step, failure, returnFailure } = record
  const refused = (message: string) => ({ reason: 'MEMBER_NOT_READY', message }) as const
  if (record.returnApprovalId === approvalId) {
    if (step === 'failed_back') return 'done'
    return returnFailure === '' ? 'under way' : refused(returnFailure)
  }
  if (record.approvalId !== approvalId) return undefined
  if (step === 'done' || step === 'failed_back') return 'done'
  return step === 'lifted' || step === 'in_doubt' ? refused(failure) : 'under way'
}

/**
 * What was done to whom. It lies beside the database, because a fenced one takes no notes; one promotion at a time, because
 * a database is fenced for one. Each line of it is on disk before what it speaks of is begun.
 */
export class PromotionFile {
  readonly #path: string
  #held = false

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'promotion.json')
  }

  /** Takes the way for one promotion, or fail-back, of this process. Returns how it is given free. */
  hold(): () => void {
    if (this.#held)
      throw new Refusal(
        'CHILD_STATE_FORBIDS',
        'a promotion, or the way back from one, is under way; ask when it is over',
      )
    this.#held = true
    return () => void (this.#held = false)
  }

  /** A promotion, or the way back, is at it this very moment. */
  get isHeld(): boolean {
    return this.#held
  }

  read(): PromotionRecord | undefined {
    return existsSync(this.#path) ? shape.parse(JSON.parse(readFileSync(this.#path, 'utf8'))) : undefined
  }

  write(record: PromotionRecord): PromotionRecord {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
    const next = `${this.#path}.new`
    rmSync(next, { force: true })
    flushed(next, 'wx', (file) => writeFileSync(file, `${JSON.stringify(record, undefined, 2)}\n`))
    renameSync(next, this.#path)
    flushed(dirname(this.#path), 'r', () => undefined)
    return record
  }
}

function flushed(path: string, flags: string, work: (file: number) => void): void {
  const file = openSync(path, flags, 0o600)
  try {
    work(file)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
