import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { anyIs, anyUnpack, type Any } from '@bufbuild/protobuf/wkt'
import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'

/** For whom an approved act is done: whoever asked for it, as part of the very request they made. */
export type ApprovedBy = {
  /** `operator/<name>`: who asked. */
  readonly actor: string
  readonly requestId: string
  readonly approvalId: string
  readonly planSha256: Buffer
}

/** What is waited for after the commit and before the act counts as carried out, such as that everybody knows of it. */
export type AfterCommit = (signal: AbortSignal) => Promise<void>

/**
 * What came of what is done after the commit, for an act that can go wrong there: `under way` until it is known, for as long as
 * nothing is reported; else why it came to nothing.
 */
export type Aftermath = 'done' | 'under way' | Pick<Refusal, 'reason' | 'message'>

/** How an owner carries out one kind of act: the very verb that its RPC runs. */
export type Executor<DB> = {
  readonly fits: (plan: Any) => boolean
  // oxlint-disable-next-line max-params -- a verb, with the plan in its place
  readonly run: (tx: Tx<DB>, now: Date, plan: Any, by: ApprovedBy) => Promise<AfterCommit | undefined>
  /** Asked before it is reported that an act was carried out. It MUST know after a crash too. */
  readonly aftermath?: (approvalId: string) => Aftermath | Promise<Aftermath>
}

/** Makes the executor of an act whose plan is this kind of request. A plan of another kind is refused. */
export function executor<DB, Desc extends DescMessage>(
  schema: Desc,
  // oxlint-disable-next-line max-params -- a verb, with the request in its place
  verb: (tx: Tx<DB>, now: Date, request: MessageShape<Desc>, by: ApprovedBy) => Promise<AfterCommit | void>,
): Executor<DB> {
  return {
    fits: (plan) => anyIs(plan, schema),
    async run(tx, now, plan, by) {
      const request = anyUnpack(plan, schema)
      if (!request) throw unfit(plan)
      return (await verb(tx, now, request, by)) ?? undefined
    },
  }
}

/** For an action that has several kinds of plans. */
export const eitherOf = <DB>(...executors: readonly Executor<DB>[]): Executor<DB> => ({
  fits: (plan) => executors.some((one) => one.fits(plan)),
  // oxlint-disable-next-line max-params -- as its type above
  async run(tx, now, plan, by) {
    const fitting = executors.find((one) => one.fits(plan))
    if (!fitting) throw unfit(plan)
    return fitting.run(tx, now, plan, by)
  },
})

const unfit = ({ typeUrl }: Any): Refusal => new Refusal('REQUEST_INVALID', `${typeUrl} is no plan for this action`)
